import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, RELEASER, signingAs, TRAINER } from '../helpers/stored-models.ts';

const FILES = { 'config.json': '{}', 'weights/a.bin': Buffer.alloc(50_000, 1), 'weights/é.bin': 'other', empty: '', '.gitignore': 'x' };
const TRUST = ['--trust-key', keyPath(`${TRAINER}.pub`)];

for (const [ending, flag] of [
  ['.tar', ''],
  ['.tar.gz', '-z'],
  ['.tgz', '-z'],
] as const) {
  describe(`a model in ${ending}`, () => {
    const sandbox = new Sandbox();
    let serial = 0;
    after(() => sandbox.remove());

    const json = async (code: number, ...args: readonly string[]) => {
      const run = await mlsign([...args, '--json'], { cwd: sandbox.root });
      assert.equal(run.code, code, run.stdout + run.stderr);
      return JSON.parse(run.stdout);
    };
    const sign = async (...args: readonly string[]) => await json(0, 'sign', ...args, ...signingAs(TRAINER));

    /** A new directory and an archive of it. */
    function packed(files: Readonly<Record<string, string | Uint8Array>> = FILES): {
      readonly directory: string;
      readonly archive: string;
    } {
      const directory = sandbox.write(`${++serial}/model`, files);
      return { directory, archive: pack(directory) };
    }

    function pack(directory: string, archive = `${directory}${ending}`): string {
      execFileSync('tar', [...(flag === '' ? [] : [flag]), '-cf', archive, '-C', directory, '.']);
      return archive;
    }

    const codes = (document: { findings: readonly { code: string; severity: string }[] }) =>
      document.findings.filter(({ severity }) => severity === 'rejected' || severity === 'undetermined').map(({ code }) => code);

    it('has the manifest of its directory, in every way of hashing', async () => {
      const { directory, archive } = packed();
      for (const how of [
        [],
        ['--method', 'shards', '--shard-size', '4096'],
        ['--algorithm', 'blake3'],
        ['--algorithm', 'blake2b', '--workers', '1'],
      ]) {
        const [inside, outside] = [await json(0, 'hash', archive, ...how), await json(0, 'hash', directory, ...how)];
        assertValid('manifest', inside);
        assert.equal(inside.model.kind, 'archive');
        assert.equal(inside.model.name, 'model');
        assert.deepEqual({ ...inside, model: undefined }, { ...outside, model: undefined });
      }
    });

    it('is signed by its content: the signature beside it holds for the directory, and that of the directory for it', async () => {
      const { directory, archive } = packed();
      await sign(archive);
      assert.ok(existsSync(`${archive}.sig`));
      const verified = await json(0, 'verify', archive, ...TRUST);
      assertValid('verification', verified);
      assert.equal(verified.verdict, 'verified');
      assert.equal(verified.model.kind, 'archive');
      copyFileSync(`${archive}.sig`, `${directory}/model.sig`);
      assert.equal((await json(0, 'verify', directory, ...TRUST)).model_id, verified.model_id);
      assert.match(verified.model_id, /^[0-9a-f]{64}$/);
      const unpacked = sandbox.path(`${serial}`, 'unpacked');
      mkdirSync(unpacked);
      execFileSync('tar', ['-xf', archive, '-C', unpacked]);
      assert.equal((await json(0, 'verify', unpacked, '--signature', `${archive}.sig`, ...TRUST)).verdict, 'verified');
    });

    it('may carry its signature inside; one beside it comes first, and both are looked at', async () => {
      const { directory } = packed();
      await sign(directory);
      const archive = pack(directory);
      const inside = await json(0, 'verify', archive, ...TRUST);
      assert.deepEqual(
        inside.signatures.map(({ path }: { path: string }) => path),
        [`${archive}/model.sig`],
      );
      await json(0, 'sign', archive, ...signingAs(RELEASER));
      const both = await json(0, 'verify', archive, ...TRUST, '--trust-key', keyPath(`${RELEASER}.pub`));
      assert.deepEqual(
        both.signatures.map(({ path }: { path: string }) => path),
        [`${archive}.sig`, `${archive}/model.sig`],
      );
    });

    it('is signed as one file with --whole, and verify follows the bundle', async () => {
      const { archive } = packed();
      await sign(archive, '--whole');
      const verified = await json(0, 'verify', archive, ...TRUST);
      assert.deepEqual([verified.verdict, verified.read.files], ['verified', 1]);
      const moved = archive.replace('model', 'renamed');
      renameSync(archive, moved);
      renameSync(`${archive}.sig`, `${moved}.sig`);
      assert.deepEqual(codes(await json(1, 'verify', moved, ...TRUST)), ['file-misnamed']);
      assert.equal((await json(2, 'sign', sandbox.path(`${serial}`, 'model'), '--whole', ...signingAs(TRAINER))).code, 'whole-not-file');
    });

    it('as one file, may hold what is refused as content', async () => {
      const archive = sandbox.path(`other${ending}`);
      writeFileSync(archive, 'no archive at all');
      await sign(archive, '--whole');
      assert.equal((await json(0, 'verify', archive, ...TRUST)).verdict, 'verified');
      const error = await json(1, 'hash', archive);
      assert.equal(error.code, ending === '.tar' ? 'archive-truncated' : 'gzip-malformed');
    });

    it('is rejected where a file was changed, added or lost, and the finding names it', async () => {
      const { directory, archive } = packed();
      await sign(archive);
      writeFileSync(`${directory}/config.json`, '[]');
      writeFileSync(`${directory}/more`, 'x');
      rmSync(`${directory}/empty`);
      pack(directory, archive);
      const { findings, verdict } = await json(1, 'verify', archive, ...TRUST);
      assert.equal(verdict, 'rejected');
      const rejected = findings.filter(({ severity }: { severity: string }) => severity === 'rejected');
      assert.deepEqual(
        rejected.map(({ code, subject }: { code: string; subject: string }) => `${code} ${subject}`),
        ['file-changed config.json', 'file-missing empty', 'file-extra more'],
      );
    });

    it('is rejected with the member and the reason where readers might see other things in it', async () => {
      const { directory, archive } = packed();
      await sign(archive);
      execFileSync('ln', ['-s', 'config.json', `${directory}/link`]);
      pack(directory, archive);
      const { findings } = await json(1, 'verify', archive, ...TRUST);
      assert.deepEqual([findings[0].code, findings[0].subject], ['archive-member-link', 'link']);
      assert.equal(findings[0].message, 'the archive is refused: it holds a symbolic link');
      assert.equal((await json(1, 'sign', archive, '--force', ...signingAs(TRAINER))).code, 'archive-member-link');
    });

    it('is read only so far as the limits allow', async () => {
      const { archive } = packed();
      const error = await json(1, 'hash', archive, '--archive-limit', 'members=3');
      assert.equal(error.code, 'archive-too-large');
      assert.equal((await json(2, 'hash', archive, '--archive-limit', 'members=many')).code, 'archive-limit-invalid');
      assert.equal((await json(2, 'hash', archive, '--archive-limit', 'files=3')).code, 'archive-limit-invalid');
    });

    it('hides no directory where the signature would be', async () => {
      const { directory, archive } = packed();
      await sign(archive);
      mkdirSync(`${directory}/model.sig`);
      writeFileSync(`${directory}/model.sig/evil.py`, 'x');
      pack(directory, archive);
      assert.deepEqual(codes(await json(1, 'verify', archive, ...TRUST)), ['file-extra']);
    });

    it('can be inspected, compared and attested', async () => {
      const { directory, archive } = packed();
      await sign(archive);
      const inspected = await json(0, 'inspect', archive);
      assertValid('inspect', inspected);
      assert.equal(inspected.input, 'archive');
      const diff = await json(0, 'diff', archive, directory);
      assertValid('diff', diff);
      assert.equal(diff.verdict, 'same');
      writeFileSync(`${directory}/config.json`, '{"a":1}');
      assert.deepEqual((await json(1, 'diff', archive, directory)).changed, ['config.json']);
      writeFileSync(sandbox.path('predicate.json'), '{}');
      const type = 'https://example.com/scan/v1';
      const attested = await json(0, 'attest', archive, '--predicate', 'predicate.json', '--type', type, ...signingAs(TRAINER));
      assertValid('attest', attested);
      assert.equal(attested.model_id, (await json(0, 'hash', archive)).model_id);
    });

    it('is pushed as the one file that --whole signs', async () => {
      const { archive } = packed();
      await sign(archive, '--whole');
      const push = ['push', archive, `file:${sandbox.path('store')}/m`, ...TRUST, ...signingAs(RELEASER)];
      assert.equal((await json(0, ...push)).outcome, 'pushed');
    });

    it('is looked into for what can run code', async () => {
      const pickle = Buffer.from("cposix\nsystem\n(S'id'\ntR.", 'latin1');
      const { archive } = packed({ 'weights.pkl': pickle });
      await sign(archive);
      const { findings } = await json(0, 'verify', archive, ...TRUST);
      const found = findings.find(({ code }: { code: string }) => code === 'format-runs-code');
      assert.equal(found?.subject, 'weights.pkl');
    });
  });
}

describe('an archive whose only file has the name of the model', () => {
  it('is not signed by its content, which would be taken for a signature of the whole', async () => {
    const sandbox = new Sandbox();
    try {
      sandbox.write('in', { model: 'x' });
      execFileSync('tar', ['-cf', sandbox.path('model.tar'), '-C', sandbox.path('in'), 'model']);
      cpSync(sandbox.path('model.tar'), sandbox.path('other.tar'));
      const run = await mlsign(['sign', 'model.tar', ...signingAs(TRAINER), '--json'], { cwd: sandbox.root });
      assert.equal(run.code, 1, run.stderr);
      assert.equal(JSON.parse(run.stdout).code, 'archive-like-whole');
      assert.equal((await mlsign(['sign', 'other.tar', ...signingAs(TRAINER)], { cwd: sandbox.root })).code, 0);
    } finally {
      sandbox.remove();
    }
  });
});
