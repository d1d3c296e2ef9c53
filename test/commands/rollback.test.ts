import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { layoutOf } from '../../src/store/index.ts';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, RELEASER, StoredModels, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

const DAY = 86_400_000;

describe('mlsign rollback', () => {
  let models: StoredModels;
  let state: string;

  beforeEach(async () => {
    models = new StoredModels();
    state = models.sandbox.path('state.json');
    for (let i = 0; i < 3; i++) await models.push();
    for (let i = 1; i <= 3; i++) await models.promote(i);
  });
  afterEach(() => models.remove());

  function rollback(...flags: readonly string[]) {
    const common = ['--channel', 'production', '--reason', 'wrong answers', '--state', state, ...TRUST, ...signingAs(RELEASER)];
    return models.run('rollback', models.url(), ...common, ...flags);
  }

  async function rolledBack(...flags: readonly string[]) {
    const run = await rollback(...flags, '--json');
    assert.equal(run.code, 0, run.stderr);
    const document = JSON.parse(run.stdout);
    assertValid('channel-move', document);
    return document;
  }

  it('goes back to the release before, under a higher sequence, with the reason, for as long as the pointer had', async () => {
    const { pointer, replaced, prefix, not_current, restore, action } = await rolledBack();
    assert.equal(action, 'rollback');
    assert.deepEqual([pointer.action, pointer.sequence, pointer.release.number, pointer.reason], ['rollback', 4, 2, 'wrong answers']);
    assert.equal(pointer.expires, replaced.expires);
    assert.deepEqual([replaced.sequence, replaced.release.number], [3, 3]);
    assert.equal(prefix, `${models.root}/llama/${pointer.model_id}/`);
    assert.deepEqual([not_current, restore], [[], undefined]);
  });

  it('goes back further the next time, and not to what was rolled back', async () => {
    await rolledBack();
    const { pointer } = await rolledBack();
    assert.equal(pointer.release.number, 1);
    const run = await rollback();
    assert.equal(run.code, 1);
    assert.match(run.stderr, /the channel has pointed to nothing before release 1.*\[rollback-target-missing\]/s);
  });

  it('goes back to a release that is named, as long as is said', async () => {
    const { pointer } = await rolledBack('--to', '1', '--expires', '2d');
    assert.equal(pointer.release.number, 1);
    assert.equal(Date.parse(pointer.expires) - Date.parse(pointer.issued), 2 * DAY);
    const same = await rollback('--to', '1');
    assert.equal(same.code, 1);
    assert.match(same.stderr, /the channel points to release 1 already.*\[rollback-to-present\]/s);
    assert.match(same.stderr, /mlsign renew \S+@production/);
  });

  it('works when the pointer, the record and the files were written over', async () => {
    const layout = layoutOf(models.location());
    const second = await models.run('locate', `${models.url()}@2`, ...TRUST);
    assert.equal(second.code, 0, second.stderr);
    const modelId = second.stdout.trim().split('/').at(-2) ?? '';
    models.overwrite(models.pointerKey(), 'junk');
    models.overwrite(layout.release(2), 'junk');
    models.overwrite(layout.file(modelId, 'weights.bin'), 'junk');
    const document = await rolledBack();
    assert.deepEqual([document.pointer.sequence, document.pointer.release.number], [4, 2]);
    assert.deepEqual(document.not_current, ['weights.bin']);
    assert.equal(document.restore, `mlsign restore ${models.url()}@2`);
    const text = await rollback('--to', '2', '--expires', '1d');
    assert.equal(text.code, 1, 'the channel points there already');
  });

  it('works when the pointer, the record and the files were deleted', async () => {
    const layout = layoutOf(models.location());
    const modelId = (await models.run('locate', `${models.url()}@2`, ...TRUST)).stdout.trim().split('/').at(-2) ?? '';
    models.delete(models.pointerKey());
    models.delete(layout.release(2));
    models.delete(layout.file(modelId, 'weights.bin'));
    const run = await rollback();
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^rolled back {2}\S+@production {2}to release 2\n/);
    assert.match(run.stdout, /\ndeploy {5}\S+\/\n/);
    assert.match(run.stdout, /\nrestore {4}a plain loader would not get 1 file as released: weights\.bin\n +mlsign restore \S+@2\n/);
  });

  it('works when an older pointer was put back, and puts the newest right', async () => {
    const versions = await models.versions(models.pointerKey());
    const first = versions.at(-1);
    assert.ok(first);
    models.overwrite(models.pointerKey(), first);
    const before = await models.run('locate', `${models.url()}@production`, ...TRUST);
    assert.equal(before.code, 1, before.stderr);
    const { pointer } = await rolledBack('--to', '3');
    assert.deepEqual([pointer.sequence, pointer.release.number], [4, 3]);
    const after = await models.run('locate', `${models.url()}@production`, ...TRUST);
    assert.equal(after.code, 0, after.stderr);
  });

  it('needs the role, and takes only pointers of those who have it for history', async () => {
    const trainer = await models.run(
      ...['rollback', models.url(), ...['--channel', 'production', '--reason', 'x', '--state', state, ...TRUST, ...signingAs(TRAINER)]],
    );
    assert.equal(trainer.code, 1);
    assert.match(trainer.stderr, /\[signer-not-allowed\]/);
    const nobody = ['--trust-key', keyPath(`${TRAINER}.pub`), '--trust-release', keyPath('ec-p384.pub')];
    const run = await models.run(
      ...['rollback', models.url(), ...['--channel', 'production', '--reason', 'x', '--state', state, ...nobody, ...signingAs('ec-p384')]],
    );
    assert.equal(run.code, 1);
    assert.match(run.stderr, /in all its history: there is nothing to go back to.*\[channel-missing\]/s);
    assert.equal((await models.versions(models.pointerKey())).length, 3);
  });

  it('goes back only to what the policy still holds for', async () => {
    const policy = models.sandbox.path('mlsign.policy.yaml');
    writeFileSync(
      policy,
      `version: 1
principals:
  trainer: { key: ${keyPath('ec-p384.pub')} }
  releaser: { key: ${keyPath(`${RELEASER}.pub`)} }
rules:
  - { model: "**", signed-by: trainer, released-by: releaser }
`,
    );
    const flags = ['--channel', 'production', '--reason', 'x', '--state', state, '--policy', policy, ...signingAs(RELEASER)];
    const run = await models.run('rollback', models.url(), ...flags);
    assert.equal(run.code, 1, run.stderr);
    assert.match(run.stdout, /^not rolled back {2}\S+@production {2}rejected\n/);
    assert.equal((await models.versions(models.pointerKey())).length, 3);
  });

  it('asks how long where the pointer that it replaces has expired', async () => {
    const late = new StoredModels();
    try {
      await late.push();
      await late.push();
      const past = new Date(Date.now() - 60 * DAY);
      await late.promote(1, past);
      await late.promote(2, past);
      const flags = ['--channel', 'production', '--reason', 'x', '--state', state, ...TRUST, ...signingAs(RELEASER)];
      const run = await models.run('rollback', late.url(), ...flags);
      assert.equal(run.code, 2);
      assert.match(run.stderr, /has expired: say how long the next one lives.*\[expires-missing\]/s);
      assert.equal((await models.run('rollback', late.url(), ...flags, '--expires', '7d')).code, 0);
    } finally {
      late.remove();
    }
  });

  it('uses exit code 2 without a channel, or with a reference', async () => {
    const flags = [...TRUST, ...signingAs(RELEASER)];
    assert.equal((await models.run('rollback', models.url(), ...flags)).code, 2);
    const run = await models.run('rollback', `${models.url()}@production`, '--channel', 'production', ...flags);
    assert.equal(run.code, 2);
    assert.match(run.stderr, /\[reference-unexpected\]/);
  });
});
