import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CliRun } from '../helpers/cli.ts';
import { NOW } from '../helpers/releases.ts';
import { aList, signedList } from '../helpers/revocations.ts';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, RELEASER, StoredModels, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

const HEX = 'f'.repeat(64);

describe('mlsign revoke', () => {
  let models: StoredModels;
  let file: string;
  let model: string;
  const REVOKERS = ['--trust-revoker', keyPath('ec-p384.pub')];
  const asRevoker = signingAs('ec-p384');
  const trusting = ['--trust-key', keyPath(`${TRAINER}.pub`)];

  beforeEach(async () => {
    models = new StoredModels();
    file = models.sandbox.path('team.json');
    model = models.sandbox.write('disk/llama', { 'weights.bin': 'weights', 'config.json': '{}' });
    assert.equal((await models.run('sign', model, ...signingAs(TRAINER))).code, 0);
  });
  afterEach(() => models.remove());

  const inFile = () => ['--revocations', file, ...REVOKERS];
  const inStore = () => ['--revocations', `file:${models.root}`, ...REVOKERS];
  const revoke = (...args: readonly string[]) => models.run('revoke', ...args, '--json');
  const verify = (list: readonly string[], ...args: readonly string[]) =>
    models.run('verify', model, ...trusting, ...list, ...args, '--json');

  async function done(run: Promise<CliRun>) {
    const { code, stdout, stderr } = await run;
    assert.equal(code, 0, stderr);
    const document = JSON.parse(stdout);
    assertValid('revoke', document);
    return document;
  }

  /** What a verification says: its exit code, and the codes of its findings. */
  async function verdict(run: Promise<CliRun>): Promise<readonly [number | null, ...string[]]> {
    const { code, stdout, stderr } = await run;
    assert.notEqual(stdout, '', stderr);
    const document = JSON.parse(stdout);
    const verification = document.verification ?? document;
    assertValid('verification', verification);
    return [code, ...verification.findings.map((finding: { code: string }) => finding.code)];
  }

  async function failed(run: Promise<CliRun>, exitCode: number, code: string, message: RegExp) {
    const { code: exit, stdout } = await run;
    const error = JSON.parse(stdout);
    assert.deepEqual([exit, error.code], [exitCode, code], error.message);
    assert.match(error.message, message);
    return error;
  }

  const begin = () => done(revoke('--init', '--expires', '30d', ...inFile(), ...asRevoker));

  it('begins a list only when told to, and adds to it; a verification rejects what it revokes', async () => {
    const missing = await failed(revoke(model, '--reason', 'x', ...inFile(), ...asRevoker), 3, 'revocations-missing', /no revocation list/);
    assert.deepEqual(missing.suggestions, ['put the list back that the revoker signed; for a first one: --init']);
    const first = await begin();
    assert.deepEqual([first.outcome, first.list.sequence, first.list.entries, first.list.name], ['begun', 1, 0, 'team']);
    assert.equal(Date.parse(first.list.expires) - Date.parse(first.list.issued), 30 * 86_400_000);
    assert.deepEqual(await verdict(verify(inFile())), [0]);
    const second = await done(revoke(model, '--reason', 'poisoned samples', ...inFile(), ...asRevoker));
    const modelId = JSON.parse((await models.run('hash', model, '--json')).stdout).model_id;
    assert.deepEqual(
      [second.outcome, second.list.sequence, second.entry.kind, second.entry.value],
      ['revoked', 2, 'digest', `sha256:${modelId}`],
    );
    const run = await verify(inFile());
    assert.deepEqual(await verdict(Promise.resolve(run)), [1, 'revoked-model']);
    const { revocations, findings, read } = JSON.parse(run.stdout);
    assert.deepEqual(
      [revocations.length, revocations[0].sequence, revocations[0].sha256, revocations[0].expires],
      [1, 2, second.list.sha256, second.list.expires],
    );
    assert.match(findings[0].message, /this model is revoked: poisoned samples/);
    assert.equal(read, undefined, 'no byte was read');
    await failed(revoke('--init', ...inFile(), ...asRevoker), 1, 'revocations-exist', /already/);
  });

  it('rejects a model with a revoked file, whoever signed it', async () => {
    await begin();
    const { resources } = JSON.parse((await models.run('hash', model, '--json')).stdout);
    const weights = resources.find(({ name }: { name: string }) => name === 'weights.bin');
    await done(revoke(`sha256:${weights.digest}`, '--reason', 'malware', ...inFile(), ...asRevoker));
    const run = await verify(inFile());
    assert.deepEqual(await verdict(Promise.resolve(run)), [1, 'revoked-file']);
    assert.equal(JSON.parse(run.stdout).findings[0].subject, 'llama/weights.bin');
  });

  it('rejects a revoked model that is signed once more, hashed in another way; an older one’s signature beside it spoils nothing', async () => {
    await begin();
    await done(revoke(model, '--reason', 'poisoned samples', ...inFile(), ...asRevoker));
    mkdirSync(`${model}.mlsign`);
    const own = join(model, 'model.sig');
    renameSync(own, `${model}.mlsign/first.sig`);
    assert.equal((await models.run('sign', model, ...signingAs(TRAINER), '--algorithm', 'blake3')).code, 0);
    assert.deepEqual(await verdict(verify(inFile())), [1, 'revoked-model']);
    rmSync(own);
    writeFileSync(join(model, 'weights.bin'), 'mended');
    assert.equal((await models.run('sign', model, ...signingAs(TRAINER))).code, 0);
    assert.deepEqual(await verdict(verify(inFile())), [0, 'revoked-model']);
  });

  it('revokes a model by the id of every signature that may be of the same bytes, and no other', async () => {
    await begin();
    const ids: string[] = [];
    const own = join(model, 'model.sig');
    mkdirSync(`${model}.mlsign`);
    for (const how of [[], ['--algorithm', 'blake3'], ['--method', 'shards', '--shard-size', '4']]) {
      const signed = await models.run('sign', model, ...signingAs(TRAINER), '--force', ...how, '--json');
      ids.push(JSON.parse(signed.stdout).model_id);
      copyFileSync(own, `${model}.mlsign/${ids.length}.sig`);
    }
    // Of another model, put there by mistake.
    const other = models.sandbox.write('disk/other', { 'other.bin': 'other' });
    assert.equal((await models.run('sign', other, ...signingAs(TRAINER))).code, 0);
    copyFileSync(join(other, 'model.sig'), `${model}.mlsign/4.sig`);
    writeFileSync(`${model}.mlsign/5.sig`, 'no bundle');
    const { entry, further, list } = await done(revoke(model, '--reason', 'poisoned', ...inFile(), ...asRevoker));
    const values = [entry, ...further].map(({ value }: { value: string }) => value);
    assert.deepEqual(values.toSorted(), ids.map((id) => `sha256:${id}`).toSorted());
    assert.deepEqual([list.entries, list.sequence], [3, 2]);
    rmSync(`${model}.mlsign`, { recursive: true });
    for (const how of [[], ['--algorithm', 'blake3'], ['--method', 'shards', '--shard-size', '4']]) {
      assert.equal((await models.run('sign', model, ...signingAs(TRAINER), '--force', ...how)).code, 0);
      assert.deepEqual((await verdict(verify(inFile()))).slice(0, 2), [1, 'revoked-model'], how.join(' '));
    }
    assert.equal((await done(revoke(model, '--reason', 'again', ...inFile(), ...asRevoker))).outcome, 'unchanged');
  });

  it('warns where revoked digests cannot be compared with the files of a model', async () => {
    await begin();
    const { resources } = JSON.parse((await models.run('hash', model, '--json')).stdout);
    await done(revoke(`sha256:${resources[1].digest}`, '--reason', 'malware', ...inFile(), ...asRevoker));
    for (const how of [
      ['--algorithm', 'blake3'],
      ['--method', 'shards', '--shard-size', '4'],
    ]) {
      assert.equal((await models.run('sign', model, ...signingAs(TRAINER), '--force', ...how)).code, 0);
      const run = await verify(inFile());
      assert.deepEqual(await verdict(Promise.resolve(run)), [0, 'revoked-files-not-comparable'], how.join(' '));
      const [finding] = JSON.parse(run.stdout).findings;
      assert.deepEqual([finding.severity, finding.expected], ['warning', '1 by sha256']);
      assert.match(finding.message, /cannot be compared with the files of this model, which are hashed in another way/);
    }
  });

  it('takes the signatures of a revoked key away', async () => {
    await begin();
    const { entry } = await done(
      revoke(keyPath(`${TRAINER}.pub`), '--reason', 'stolen', '--since', '2026-01-31', ...inFile(), ...asRevoker),
    );
    assert.deepEqual([entry.kind, entry.since], ['key', '2026-01-31T00:00:00.000Z']);
    assert.deepEqual(await verdict(verify(inFile())), [1, 'revoked-key', 'signer-missing']);
    const named = await done(revoke(`key:${entry.value}`, '--reason', 'all of them', ...inFile(), ...asRevoker));
    assert.deepEqual([named.outcome, named.list.entries, named.entry.since], ['revoked', 1, undefined]);
    const again = await done(revoke(`key:${entry.value}`, '--reason', 'again', '--since', '2026-03-01', ...inFile(), ...asRevoker));
    assert.deepEqual([again.outcome, again.list.sequence], ['unchanged', 3]);
  });

  it('revokes identities, exactly and of one issuer', async () => {
    await begin();
    const { entry } = await done(
      revoke('ci@example.com', '--issuer', 'https://issuer.example', '--reason', 'left', ...inFile(), ...asRevoker),
    );
    assert.deepEqual([entry.kind, entry.value, entry.issuer], ['identity', 'ci@example.com', 'https://issuer.example']);
  });

  it('refuses what makes no sense', async () => {
    await begin();
    const args = [...inFile(), ...asRevoker];
    await failed(revoke(model, ...args), 2, 'reason-missing', /say why/);
    await failed(revoke('no-such-thing', '--reason', 'x', ...args), 2, 'target-unknown', /nothing that can be revoked/);
    await failed(revoke(model, '--since', '2026-01-31', '--reason', 'x', ...args), 2, 'flag-without-use', /--since is for keys/);
    await failed(revoke('ci@example.com', '--since', 'soon', '--reason', 'x', ...args), 2, 'time-invalid', /not a moment/);
    await failed(revoke(...args), 2, 'target-or-renew', /say what is revoked/);
    await failed(revoke(keyPath('ec-p256.key'), '--reason', 'x', ...args), 1, 'key-is-private', /private key/);
    await failed(revoke(`sha256:${HEX}`, '--reason', 'x', '--revocations', file, ...asRevoker), 2, 'revoker-missing', /who may revoke/);
    await failed(revoke(`sha256:${HEX}`, '--reason', 'a\nb', ...args), 1, 'revocations-malformed', /one line/);
    assert.equal((await done(revoke('--renew', ...args))).list.sequence, 2, 'nothing of it was written');
  });

  it('lets nobody add but a revoker, and to nobody’s list but a revoker’s', async () => {
    await begin();
    const before = readFileSync(file);
    await failed(revoke(`sha256:${HEX}`, '--reason', 'x', ...inFile(), ...signingAs(TRAINER)), 1, 'signer-not-allowed', /may not revoke/);
    assert.deepEqual(readFileSync(file), before);
    writeFileSync(file, await signedList(aList(9, { issued: new Date(Date.now() - 1000), expires: new Date(Date.now() + 1e9) }), TRAINER));
    await failed(
      revoke(`sha256:${HEX}`, '--reason', 'x', ...inFile(), ...asRevoker),
      3,
      'revocations-wrong-signer',
      /not signed by a revoker/,
    );
    assert.deepEqual(await verdict(verify(inFile())), [3, 'revocations-wrong-signer']);
  });

  it('renews: the same entries, a higher sequence, as long a life', async () => {
    await begin();
    await done(revoke(`sha256:${HEX}`, '--reason', 'x', ...inFile(), ...asRevoker));
    const renewed = await done(revoke('--renew', ...inFile(), ...asRevoker));
    assert.deepEqual([renewed.outcome, renewed.list.sequence, renewed.list.entries], ['renewed', 3, 1]);
    assert.equal(Date.parse(renewed.list.expires) - Date.parse(renewed.list.issued), 30 * 86_400_000);
    const short = await done(revoke('--renew', '--expires', '12h', ...inFile(), ...asRevoker));
    assert.equal(Date.parse(short.list.expires) - Date.parse(short.list.issued), 12 * 3_600_000);
  });

  it('leaves a verification open without the list, or once it has expired', async () => {
    assert.deepEqual(await verdict(verify(inFile())), [3, 'revocations-missing']);
    writeFileSync(file, await signedList(aList(1, { entries: [], issued: NOW, expires: new Date(NOW.getTime() + 1000) })));
    assert.deepEqual(await verdict(verify(inFile())), [3, 'revocations-expired']);
  });

  it('rejects an older list once a newer one was seen, and adds nothing to it', async () => {
    await begin();
    copyFileSync(file, `${file}.old`);
    await done(revoke(model, '--reason', 'x', ...inFile(), ...asRevoker));
    assert.deepEqual(await verdict(verify(inFile())), [1, 'revoked-model']);
    copyFileSync(`${file}.old`, file);
    assert.deepEqual(await verdict(verify(inFile())), [1, 'revocations-rolled-back']);
    await failed(revoke(model, '--reason', 'y', ...inFile(), ...asRevoker), 1, 'revocations-rolled-back', /older revocation list/);
    const fresh = ['--state', models.sandbox.path('fresh.json')];
    assert.deepEqual(await verdict(verify(inFile(), ...fresh)), [0], 'who has seen nothing cannot know');
  });

  it('loses no entry where several add at once, and leaves no file behind', async () => {
    await begin();
    const digests = Array.from({ length: 4 }, (_, i) => `sha256:${String(i).repeat(64)}`);
    await Promise.all(digests.map((digest) => done(revoke(digest, '--reason', 'x', ...inFile(), ...asRevoker))));
    assert.deepEqual((await done(revoke('--renew', ...inFile(), ...asRevoker))).list, {
      ...(await done(revoke(digests[0] ?? '', '--reason', 'x', ...inFile(), ...asRevoker))).list,
    });
    const { list } = await done(revoke('--renew', ...inFile(), ...asRevoker));
    assert.deepEqual([list.entries, list.sequence], [4, 7]);
  });

  describe('in a store', () => {
    let url: string;
    beforeEach(async () => {
      url = models.url();
      await models.push();
      await models.promote(1);
    });

    const check = (...args: readonly string[]) => models.run('verify', `${url}@production`, ...TRUST, ...inStore(), ...args, '--json');

    it('revokes a release that lies there; verify, pull, push and promote refuse it', async () => {
      assert.deepEqual(await verdict(check()), [3, 'revocations-missing']);
      await done(revoke('--init', ...inStore(), ...asRevoker));
      assert.deepEqual(await verdict(check()), [0]);
      // The list of the store that the release lies in, unless another is named.
      const { list, entry } = await done(revoke(`${url}@1`, '--reason', 'poisoned', ...REVOKERS, ...asRevoker));
      assert.deepEqual([list.sequence, list.name], [2, 'store']);
      assert.match(list.place, /\/store\/\.mlsign\/revocations\.json$/);
      assert.deepEqual(await verdict(check()), [1, 'revoked-model']);
      const target = models.sandbox.path('pulled');
      assert.deepEqual(await verdict(models.run('pull', `${url}@1`, target, ...TRUST, ...inStore(), '--json')), [1, 'revoked-model']);
      assert.equal(existsSync(target), false);
      const promoted = await models.run(
        'promote',
        `${url}@1`,
        '--channel',
        'canary',
        '--init',
        '--expires',
        '1d',
        ...TRUST,
        ...inStore(),
        ...signingAs(RELEASER),
        '--json',
      );
      assert.deepEqual([promoted.code, JSON.parse(promoted.stdout).findings[0].code], [1, 'revoked-model']);
      const again = `${models.sandbox.path('models', '1', 'llama')}`;
      const pushed = await models.run('push', again, url, ...TRUST, ...inStore(), ...signingAs(RELEASER), '--json');
      assert.deepEqual([pushed.code, JSON.parse(pushed.stdout).findings[0].code], [1, 'revoked-model']);
      assert.match(entry.value, /^sha256:/);
    });

    it('lets nobody sign a revoked release where it lies, though others have yet to sign it', async () => {
      await done(revoke('--init', ...inStore(), ...asRevoker));
      await done(revoke(`${url}@1`, '--reason', 'poisoned', ...inStore(), ...asRevoker));
      const policy = models.sandbox.path('two.yaml');
      writeFileSync(
        policy,
        `version: 1
principals:
  trainer: { key: ${keyPath(`${TRAINER}.pub`)} }
  releaser: { key: ${keyPath(`${RELEASER}.pub`)} }
  security: { key: ${keyPath('ec-p384.pub')} }
  second: { key: ${keyPath('ec-p521.pub')} }
revocations: { signed-by: security, store: true }
rules:
  - { model: "**", signed-by: "2 of [trainer, second]", released-by: releaser }
`,
      );
      const signed = await models.run('sign', `${url}@1`, ...signingAs('ec-p521'), '--policy', policy, '--json');
      const { findings, signatures } = JSON.parse(signed.stdout);
      assert.ok(findings, signed.stdout);
      const codes = findings.map(({ code }: { code: string }) => code);
      assert.deepEqual([signed.code, codes.includes('revoked-model')], [1, true]);
      assert.deepEqual(signatures, []);
    });

    it('takes the channel of a revoked releaser away, until another one moves it', async () => {
      await done(revoke('--init', ...inStore(), ...asRevoker));
      await done(revoke(keyPath(`${RELEASER}.pub`), '--reason', 'stolen', ...inStore(), ...asRevoker));
      const [code, ...codes] = await verdict(check());
      assert.equal(code, 1);
      assert.ok(codes.includes('revoked-key'), codes.join());
    });

    it('rejects an older list that was put back, also for who has seen nothing, and mends it with the next', async () => {
      await done(revoke('--init', ...inStore(), ...asRevoker));
      const key = '.mlsign/revocations.json';
      const [old = Buffer.alloc(0)] = await models.versions(key);
      await done(revoke(`${url}@1`, '--reason', 'poisoned', ...inStore(), ...asRevoker));
      await models.put(key, old);
      const fresh = ['--state', models.sandbox.path('fresh.json')];
      assert.deepEqual(await verdict(check(...fresh)), [1, 'revocations-rolled-back', 'revoked-model']);
      const { list } = await done(revoke('--renew', ...inStore(), ...asRevoker));
      assert.deepEqual([list.sequence, list.entries], [3, 1]);
      assert.deepEqual(await verdict(check(...fresh)), [1, 'revoked-model']);
    });

    it('loses no entry where several add at once', async () => {
      await done(revoke('--init', ...inStore(), ...asRevoker));
      const digests = Array.from({ length: 3 }, (_, i) => `sha256:${String(i).repeat(64)}`);
      await Promise.all(digests.map((digest) => done(revoke(digest, '--reason', 'x', ...inStore(), ...asRevoker))));
      const { list } = await done(revoke('--renew', ...inStore(), ...asRevoker));
      assert.deepEqual([list.entries, list.sequence], [3, 5]);
    });

    it('is asked by a policy of the store that the release lies in; a model on disk lies in none', async () => {
      await done(revoke('--init', ...inStore(), ...asRevoker));
      const policy = models.sandbox.path('policy.yaml');
      writeFileSync(
        policy,
        `version: 1
principals:
  trainer: { key: ${keyPath(`${TRAINER}.pub`)} }
  releaser: { key: ${keyPath(`${RELEASER}.pub`)} }
  security: { key: ${keyPath('ec-p384.pub')} }
revocations: { signed-by: security, store: true }
rules:
  - { model: "**", signed-by: trainer, released-by: releaser }
`,
      );
      const stored = () => models.run('verify', `${url}@production`, '--policy', policy, '--json');
      assert.deepEqual(await verdict(stored()), [0]);
      assert.deepEqual(await verdict(models.run('verify', model, '--policy', policy, '--json')), [3, 'revocations-missing']);
      await done(revoke(`${url}@1`, '--reason', 'poisoned', '--policy', policy, ...asRevoker));
      assert.deepEqual(await verdict(stored()), [1, 'revoked-model']);
      rmSync(models.sandbox.path('store', '.mlsign', 'revocations.json'));
      assert.deepEqual(await verdict(stored()), [1, 'revocations-missing', 'revoked-model']);
    });
  });
});
