import assert from 'node:assert/strict';
import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, StoredModels, signingAs, TRAINER } from '../helpers/stored-models.ts';

const OWNER = 'ec-p384';

describe('--policy-key', function () {
  this.timeout(60_000);
  let models: StoredModels;
  let model: string;
  let policy: string;

  beforeEach(async () => {
    models = new StoredModels();
    model = models.sandbox.write('disk/llama', { 'weights.bin': 'weights' });
    policy = models.sandbox.path('mlsign.policy.yaml');
    copyFileSync(keyPath(`${TRAINER}.pub`), models.sandbox.path('trainer.pub'));
    write('');
    assert.equal((await models.run('sign', model, ...signingAs(TRAINER))).code, 0);
    assert.equal((await models.run('sign', policy, ...signingAs(OWNER))).code, 0);
  });
  afterEach(() => models.remove());

  const write = (comment: string) =>
    writeFileSync(
      policy,
      `version: 1\n${comment}principals:\n  trainer: { key: trainer.pub }\nrules:\n  - { model: "**", signed-by: trainer }\n`,
    );
  const keys = (...names: readonly string[]) => names.flatMap((name) => ['--policy-key', keyPath(`${name}.pub`)]);
  const verify = (...args: readonly string[]) => models.run('verify', model, '--policy', policy, ...args, '--json');

  async function failed(run: ReturnType<typeof verify>, exitCode: number, code: string, message: RegExp) {
    const { code: exit, stdout } = await run;
    const error = JSON.parse(stdout);
    assertValid('error', error);
    assert.deepEqual([exit, error.code], [exitCode, code], stdout);
    assert.match(error.message, message);
    return error;
  }

  it('lets a policy pass that any one of the keys has signed', async () => {
    const { code, stdout, stderr } = await verify(...keys('ed25519', OWNER));
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).verdict, 'verified');
  });

  it('rejects under a policy that was changed after it was signed', async () => {
    write('# changed\n');
    const error = await failed(verify(...keys(OWNER)), 1, 'policy-not-trusted', /not the file that was signed/);
    assert.match(error.expected, /^mlsign\.policy\.yaml with SHA-256 [0-9a-f]{64}$/);
    assert.notEqual(error.expected, error.got);
  });

  it('believes nothing in a changed policy: it is not even parsed', async () => {
    writeFileSync(policy, '{ not: a policy');
    await failed(verify(...keys(OWNER)), 1, 'policy-not-trusted', /not the file that was signed/);
  });

  it('rejects under a policy that another key has signed', async () =>
    void (await failed(verify(...keys('ed25519')), 1, 'policy-not-trusted', /not signed by one of the policy keys/)));

  it('rejects under a signed policy in the place of another one', async () => {
    const other = models.sandbox.path('other.yaml');
    renameSync(policy, other);
    renameSync(`${policy}.sig`, `${other}.sig`);
    const run = models.run('verify', model, '--policy', other, ...keys(OWNER), '--json');
    const error = await failed(run, 1, 'policy-not-trusted', /not the file that was signed/);
    assert.match(error.expected, /^mlsign\.policy\.yaml/);
    assert.match(error.got, /^other\.yaml/);
  });

  it('rejects a signature over parts of the file, which it does not compare', async () => {
    assert.equal((await models.run('sign', policy, ...signingAs(OWNER), '--algorithm', 'blake2b', '--force')).code, 0);
    await failed(verify(...keys(OWNER)), 1, 'policy-not-trusted', /not the file that was signed/);
  });

  it('leaves the answer open where there is no signature', async () => {
    rmSync(`${policy}.sig`);
    const error = await failed(verify(...keys(OWNER)), 3, 'policy-signature-missing', /no signature beside it/);
    assert.equal(error.expected, `${policy}.sig`);
  });

  it('does not let the key of the policy lie in the model', async () => {
    copyFileSync(keyPath(`${OWNER}.pub`), models.sandbox.path('disk/llama/policy.pub'));
    const run = verify('--policy-key', models.sandbox.path('disk/llama/policy.pub'));
    await failed(run, 2, 'policy-inside-model', /lies inside the model/);
  });

  it('means nothing without a policy', async () => {
    const { code, stderr } = await models.run('verify', model, ...keys(OWNER));
    assert.equal(code, 2);
    assert.match(stderr, /--policy/);
  });
});
