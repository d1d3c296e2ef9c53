import assert from 'node:assert/strict';
import { S3Bench } from '../helpers/s3.ts';
import { keyPath, RELEASER, StoredModels, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

const KEY = 'team/.mlsign/revocations.json';

describe('a revocation list in a bucket', () => {
  let bench: S3Bench;
  let models: StoredModels;
  const list = ['--revocations', 's3://models/team', '--trust-revoker', keyPath('ec-p384.pub')];
  const asRevoker = [...list, ...signingAs('ec-p384')];

  beforeEach(async () => {
    bench = await S3Bench.start();
    models = new StoredModels(bench);
    await models.push();
    const begun = await models.run('revoke', '--init', ...asRevoker);
    assert.equal(begun.code, 0, begun.stderr);
  });
  afterEach(async () => {
    models.remove();
    await bench.stop();
  });

  const release = (): string => `${models.url()}@1`;
  const checked = () => ['verify', release(), ...TRUST, ...list, '--json'];
  const fresh = () => ['--state', models.sandbox.path('fresh.json')];

  function verdictOf({
    code,
    stdout,
    stderr,
  }: {
    code: number | null;
    stdout: string;
    stderr: string;
  }): readonly (string | number | null)[] {
    assert.notEqual(stdout, '', stderr);
    return [code, ...JSON.parse(stdout).findings.map((finding: { code: string }) => finding.code)];
  }

  it('revokes a release of the bucket, under a conditional write', async () => {
    assert.deepEqual(verdictOf(await models.run(...checked())), [0]);
    const runs = await Promise.all(
      [release(), `sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`].map((what) =>
        models.run('revoke', what, '--reason', 'x', ...asRevoker),
      ),
    );
    for (const { code, stderr } of runs) assert.equal(code, 0, stderr);
    assert.equal(bench.behind.history(KEY).length, 4, 'each addition is a version of its own');
    assert.deepEqual(verdictOf(await models.run(...checked())), [1, 'revoked-model']);
    const { revocations } = JSON.parse((await models.run(...checked())).stdout);
    assert.deepEqual([revocations[0].sequence, revocations[0].entries, revocations[0].name], [4, 3, 'team']);
  });

  it('cannot be hidden: not by an older version, not by a delete marker, not by bytes of somebody else', async () => {
    const [old = Buffer.alloc(0)] = await models.versions(KEY);
    assert.equal((await models.run('revoke', release(), '--reason', 'x', ...asRevoker)).code, 0);
    models.overwrite(KEY, old);
    assert.deepEqual(verdictOf(await models.run(...checked(), ...fresh())), [1, 'revocations-rolled-back', 'revoked-model']);
    models.overwrite(KEY, '{}');
    assert.deepEqual(verdictOf(await models.run(...checked(), ...fresh())), [1, 'bundle-malformed', 'revoked-model']);
    models.delete(KEY);
    assert.deepEqual(verdictOf(await models.run(...checked(), ...fresh())), [1, 'revocations-missing', 'revoked-model']);
    const mended = await models.run('revoke', '--renew', ...asRevoker);
    assert.equal(mended.code, 0, mended.stderr);
    assert.deepEqual(verdictOf(await models.run(...checked(), ...fresh())), [1, 'revoked-model']);
  });

  it('rejects what descends from what it revokes, in the store and on disk, also where it is hidden', async () => {
    const dataset = `sha256:${'1'.repeat(64)}`;
    const disk = models.sandbox.write('disk/lora', { 'adapter_model.safetensors': 'lora' });
    const done = async (...args: readonly string[]): Promise<void> => {
      const { code, stderr } = await models.run(...args);
      assert.equal(code, 0, stderr);
    };
    await done('sign', disk, ...signingAs(TRAINER));
    await done('attest', disk, '--dataset', `s3://data/chats=${dataset}`, ...signingAs(TRAINER));
    await done('push', disk, models.url('lora'), ...TRUST, ...signingAs(RELEASER));
    await done('revoke', dataset, '--reason', 'x', ...asRevoker);
    models.delete(KEY);
    for (const place of [`${models.url('lora')}@1`, disk]) {
      const trust = place === disk ? TRUST.slice(0, 2) : TRUST;
      const run = await models.run('verify', place, ...trust, ...list, ...fresh(), '--json');
      assert.deepEqual(verdictOf(run), [1, 'revocations-missing', 'revoked-ancestor']);
    }
  });

  it('leaves the answer open for who may not read it, or not see its history and has no memory', async () => {
    const reading = ['s3:GetObject', 's3:GetObjectVersion', 's3:GetObjectAttributes', 's3:GetObjectVersionAttributes'];
    const blind = bench.server.addPrincipal('blind', reading);
    const first = await models.runAs(blind, ...checked(), '--attested', ...fresh());
    assert.ok(verdictOf(first).includes('revocations-history-unread'), first.stdout);
    assert.equal(first.code, 3);
    const nobody = bench.server.addPrincipal('nobody', []);
    const refused = await models.runAs(nobody, ...checked(), ...fresh());
    assert.equal(refused.code, 3, refused.stdout);
    assert.equal(verdictOf(refused)[1], 'object-forbidden');
  });
});
