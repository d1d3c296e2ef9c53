import assert from 'node:assert/strict';
import { assertValid } from '../helpers/schemas.ts';
import { RELEASER, StoredModels, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

const DAY = 86_400_000;

describe('mlsign promote', () => {
  let models: StoredModels;
  let url: string;
  let state: string;

  beforeEach(async () => {
    models = new StoredModels();
    url = models.url();
    state = models.sandbox.path('state.json');
    await models.push();
    await models.push();
  });
  afterEach(() => models.remove());

  function promote(release: string, ...flags: readonly string[]) {
    return models.run('promote', `${url}@${release}`, '--channel', 'production', ...TRUST, '--state', state, ...flags);
  }

  const asReleaser = signingAs(RELEASER);

  it('writes a first pointer with --init, and says what and until when', async () => {
    const before = Date.now();
    const run = await promote('1', '--expires', '30d', '--init', '--reason', 'first', ...asReleaser, '--json');
    assert.equal(run.code, 0, run.stderr);
    const document = JSON.parse(run.stdout);
    assertValid('channel-move', document);
    assert.equal(document.verdict, 'verified');
    const { pointer, prefix, replaced } = document;
    assert.deepEqual([pointer.sequence, pointer.action, pointer.release.number, pointer.reason], [1, 'promote', 1, 'first']);
    assert.equal(Date.parse(pointer.expires) - Date.parse(pointer.issued), 30 * DAY);
    assert.ok(Date.parse(pointer.issued) >= before - 1000);
    assert.equal(replaced, undefined);
    assert.equal(prefix, `${models.root}/llama/${pointer.model_id}/`);
    assert.deepEqual(document.checks.at(-1), {
      name: 'model-content',
      status: 'skipped',
      detail: 'no byte of the model was read: its signatures alone were verified',
    });
  });

  it('replaces a pointer that it has verified, under the next sequence', async () => {
    assert.equal((await promote('1', '--expires', '30d', '--init', ...asReleaser)).code, 0);
    const run = await promote('2', '--expires', '12h', '--reason', 'better', ...asReleaser);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^promoted {2}file:\S+\/llama@production {2}to release 2\nmodel id {3}[0-9a-f]{64}\nsequence {3}2\nexpires /);
    assert.match(run.stdout, /\nreason {5}better\nbefore {5}release 1, sequence 1, until /);
    assert.match(run.stdout, /\nno byte of the model was read: mlsign verify looks at what lies there\n$/);
    assert.equal((await models.versions(models.pointerKey())).length, 2);
  });

  it('takes a release by its model id, or what another channel points to', async () => {
    const { modelId } = await models.push();
    const byId = await promote(`sha256:${modelId}`, '--expires', '1d', '--init', ...asReleaser, '--json');
    assert.equal(byId.code, 0, byId.stderr);
    assert.equal(JSON.parse(byId.stdout).pointer.release.number, 3);
    const flags = ['--channel', 'canary', '--init', '--expires', '1d', ...TRUST, '--state', state, ...asReleaser];
    const byChannel = await models.run('promote', `${url}@production`, ...flags, '--json');
    assert.equal(byChannel.code, 0, byChannel.stderr);
    assert.deepEqual([JSON.parse(byChannel.stdout).channel, JSON.parse(byChannel.stdout).pointer.release.number], ['canary', 3]);
  });

  it('writes nothing where there is no pointer and --init is not given', async () => {
    const run = await promote('1', '--expires', '30d', ...asReleaser);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /this channel has no pointer that is verified, in all its history.*\[channel-missing\]/s);
    assert.match(run.stderr, /--init/);
    assert.equal((await models.versions(models.pointerKey())).length, 0);
  });

  it('suggests commands that a shell takes as they are', async () => {
    const url = models.url('my model');
    await models.push('my model');
    const run = await models.run('promote', `${url}@1`, '--channel', 'production', '--expires', '30d', ...asReleaser, ...TRUST);
    assert.equal(run.code, 1);
    assert.ok(run.stderr.includes(`mlsign promote '${url}'@RELEASE --channel production --init`), run.stderr);
  });

  it("refuses the trainer's key where a releaser is named, before anything is written", async () => {
    await models.promote(1);
    const run = await promote('2', '--expires', '30d', ...signingAs(TRAINER));
    assert.equal(run.code, 1);
    assert.match(run.stderr, /this signer may not move the channel; nothing was written.*\[signer-not-allowed\]/s);
    assert.match(run.stderr, /expected +a signature of .*ed25519\.pub/);
    assert.equal((await models.versions(models.pointerKey())).length, 1);
  });

  it('refuses a release whose record the releaser has not signed, or that is not there', async () => {
    const other = await promote('1', '--expires', '30d', '--init', ...asReleaser, '--trust-release', models.sandbox.path('none.pub'));
    assert.equal(other.code, 3);
    const missing = await promote('9', '--expires', '30d', '--init', ...asReleaser);
    assert.notEqual(missing.code, 0);
    assert.match(missing.stdout, /^not promoted {2}/);
    assert.equal((await models.versions(models.pointerKey())).length, 0);
  });

  it('refuses to pass over a pointer that was overwritten, or put back to an older one', async () => {
    await models.promote(1);
    await models.promote(2);
    const [, first] = await models.versions(models.pointerKey());
    assert.ok(first);
    for (const [bytes, got] of [
      ['junk', /got +something that is no pointer/],
      [first, /got +the older sequence 1/],
    ] as const) {
      models.overwrite(models.pointerKey(), bytes);
      const run = await promote('1', '--expires', '30d', ...asReleaser);
      assert.equal(run.code, 1, run.stderr);
      assert.match(run.stderr, /what readers of this channel get is not its newest signed pointer.*\[channel-not-sound\]/s);
      assert.match(run.stderr, got);
      assert.match(run.stderr, /expected +sequence 2, release 2/);
      assert.match(run.stderr, /mlsign rollback \S+ --channel production --to 2/);
    }
    models.delete(models.pointerKey());
    const deleted = await promote('1', '--expires', '30d', ...asReleaser);
    assert.match(deleted.stderr, /got +nothing: it was deleted/);
    const run = await promote('1', '--expires', '30d', '--init', ...asReleaser, '--json');
    assert.equal(run.code, 0, run.stderr);
    assert.equal(JSON.parse(run.stdout).pointer.sequence, 3);
  });

  it('goes on after the highest sequence that this client has seen', async () => {
    const flags = ['--expires', '30d', '--init', ...asReleaser, '--json'];
    assert.equal((await promote('1', ...flags)).code, 0);
    assert.equal((await promote('2', ...flags)).code, 0);
    const empty = new StoredModels();
    try {
      await empty.push();
      const run = await models.run('promote', `${empty.url()}@1`, '--channel', 'production', ...TRUST, '--state', state, ...flags);
      assert.equal(run.code, 0, run.stderr);
      assert.deepEqual(
        JSON.parse(run.stdout).findings.map(({ code, got }: { code: string; got: string }) => [code, got]),
        [['channel-behind', 'no pointer']],
      );
      assert.equal(JSON.parse(run.stdout).pointer.sequence, 3);
    } finally {
      empty.remove();
    }
  });

  it('replaces a pointer that has expired', async () => {
    await models.promote(1, new Date(Date.now() - 40 * DAY));
    const run = await promote('2', '--expires', '30d', ...asReleaser);
    assert.equal(run.code, 0, run.stderr);
  });

  it('tells one of two promoters that the other was faster, and loses neither', async () => {
    await models.promote(1);
    const runs = await Promise.all(
      ['1', '2', '1', '2'].map((number, i) =>
        models.run(
          ...[
            'promote',
            `${url}@${number}`,
            '--channel',
            'production',
            ...TRUST,
            '--state',
            models.sandbox.path(`s${i}`),
            '--expires',
            '1d',
            ...asReleaser,
          ],
        ),
      ),
    );
    const versions = await models.versions(models.pointerKey());
    const won = runs.filter(({ code }) => code === 0).length;
    assert.ok(won >= 1);
    assert.equal(versions.length, 1 + won);
    for (const run of runs.filter(({ code }) => code !== 0)) {
      assert.equal(run.code, 3, run.stderr);
      assert.match(run.stderr, /somebody else moved the channel meanwhile; nothing was written.*\[channel-moved\]/s);
    }
    const history = await models.run('history', `${url}@production`, ...TRUST, '--json');
    assert.equal(history.code, 0, history.stderr);
    const sequences = JSON.parse(history.stdout).versions.map(({ pointer }: { pointer: { sequence: number } }) => pointer.sequence);
    assert.deepEqual(
      sequences,
      Array.from({ length: 1 + won }, (_, i) => 1 + won - i),
    );
  });

  it('uses exit code 2 for flags that do not go together', async () => {
    for (const [flags, code] of [
      [['promote', `${url}@1`, '--channel', 'production', '--expires', 'soon', ...TRUST, ...asReleaser], 'expires-invalid'],
      [['promote', `${url}@1`, '--channel', 'production', '--expires', '30s', ...TRUST, ...asReleaser, '--init'], 'expires-out-of-range'],
      [['promote', `${url}@1`, '--channel', 'production', '--expires', '2w', ...asReleaser], 'trust-missing'],
      [['promote', `${url}@1`, '--channel', 'production', '--expires', '2w', ...TRUST], 'signer-missing'],
      [['promote', url, '--channel', 'production', '--init', '--expires', '2w', ...TRUST, ...asReleaser], 'reference-missing'],
      [['promote', `${url}@1`, '--channel', '7', '--init', '--expires', '2w', ...TRUST, ...asReleaser], 'channel-name-invalid'],
      [['promote', `${url}@1`, '--channel', '../x', '--init', '--expires', '2w', ...TRUST, ...asReleaser], 'channel-name-invalid'],
      [['promote', 'llama@1', '--channel', 'production', '--expires', '2w', ...TRUST, ...asReleaser], 'location-malformed'],
      [['promote', `${url}@1`, '--expires', '2w', ...TRUST, ...asReleaser], 'usage'],
      [['promote', `${url}@1`, '--channel', 'production', ...TRUST, ...asReleaser], 'usage'],
      [
        ['promote', `${url}@1`, '--channel', 'production', '--init', '--expires', '2w', '--reason', 'a\nb', ...TRUST, ...asReleaser],
        'reason-invalid',
      ],
    ] as const) {
      const run = await models.run(...flags);
      assert.equal(run.code, 2, `${flags.join(' ')}: ${run.stderr}`);
      assert.ok(run.stderr.includes(`[${code}]`), `${code}: ${run.stderr}`);
    }
    assert.equal((await models.versions(models.pointerKey())).length, 0);
  });
});

describe('mlsign renew', () => {
  const models = new StoredModels();
  const state = models.sandbox.path('state.json');
  const flags = [...TRUST, '--state', state, '--json'];
  before(async () => {
    await models.push();
    await models.promote(1, new Date(Date.now() - 9 * DAY), 10);
  });
  after(() => models.remove());

  it('points to the same release for as long as before, under the next sequence', async () => {
    const run = await models.run('renew', `${models.url()}@production`, ...flags, ...signingAs(RELEASER));
    assert.equal(run.code, 0, run.stderr);
    const { action, pointer } = JSON.parse(run.stdout);
    assert.deepEqual([action, pointer.sequence, pointer.release.number], ['renew', 2, 1]);
    assert.equal(Date.parse(pointer.expires) - Date.parse(pointer.issued), 10 * DAY);
  });

  it('points to it for as long as it is told', async () => {
    const run = await models.run(
      ...['renew', `${models.url()}@production`, ...flags, ...signingAs(RELEASER), '--expires', '2d', '--reason', 'holiday'],
    );
    assert.equal(run.code, 0, run.stderr);
    const { pointer } = JSON.parse(run.stdout);
    assert.equal(Date.parse(pointer.expires) - Date.parse(pointer.issued), 2 * DAY);
    assert.equal(pointer.reason, 'holiday');
  });

  it('needs a channel, and the role', async () => {
    const release = await models.run('renew', `${models.url()}@1`, ...flags, ...signingAs(RELEASER));
    assert.equal(release.code, 2);
    assert.match(release.stderr, /this does not name a channel/);
    assert.match(release.stderr, /channel-not-named/);
    const trainer = await models.run('renew', `${models.url()}@production`, ...flags, ...signingAs(TRAINER));
    assert.equal(trainer.code, 1);
    assert.match(trainer.stderr, /signer-not-allowed/);
    const missing = await models.run('renew', `${models.url()}@staging`, ...flags, ...signingAs(RELEASER));
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /channel-missing/);
  });
});
