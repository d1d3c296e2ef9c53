import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, RELEASER, StoredModels, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

const TRUSTING = ['--trust-key', keyPath(`${TRAINER}.pub`)];

describe('mlsign policy init', function () {
  this.timeout(120_000);
  let models: StoredModels;
  let policy: string;

  beforeEach(() => {
    models = new StoredModels();
    policy = models.sandbox.path('mlsign.policy.yaml');
  });
  afterEach(() => models.remove());

  async function signed(files: Readonly<Record<string, string | Uint8Array>>, ...args: readonly string[]): Promise<string> {
    const model = models.sandbox.write('models/llama', files);
    assert.equal((await models.run('sign', model, ...signingAs(TRAINER), ...args)).code, 0);
    return model;
  }
  const init = (model: string, ...args: readonly string[]) => models.run('policy', 'init', model, ...args);

  async function writes(model: string, ...args: readonly string[]) {
    const run = await init(model, ...args, '--output-file', policy);
    assert.equal(run.code, 0, run.stderr + run.stdout);
    const yaml = readFileSync(policy, 'utf8');
    assertValid('policy', parse(yaml));
    const [, ...lines] = yaml.split('\n');
    assert.ok(lines.filter((line) => line.trim().startsWith('#')).length > 5, 'comments explain it');
    const verified = await models.run('verify', model, '--policy', policy, '--json');
    assert.equal(verified.code, 0, verified.stdout);
    return { yaml, document: parse(yaml), stdout: run.stdout };
  }

  it('writes what a model shows, and the model is verified under it', async () => {
    const model = await signed({ 'config.json': '{}', 'notes.md': '# Notes\n', 'draft.txt': 'x' }, '--ignore-paths', 'draft.txt');
    const { document, stdout } = await writes(model, ...TRUSTING);
    assert.match(stdout, /^written {2}.*mlsign\.policy\.yaml\nnext {5}mlsign policy check/);
    const [rule] = document.rules;
    assert.equal(rule.model, 'models/llama');
    assert.equal(rule['signed-by'], TRAINER);
    assert.deepEqual(rule['ignore-paths'], ['draft.txt']);
    assert.deepEqual(document.principals, { [TRAINER]: { key: keyPath(`${TRAINER}.pub`) } });
    assert.ok(rule.formats.allow.includes('json'));
  });

  it('names what can run code, so that the model passes and everybody sees it', async () => {
    const model = await signed({ 'model.pkl': Buffer.from('\x80\x04]\x94.', 'latin1') });
    const { document, yaml } = await writes(model, ...TRUSTING);
    assert.deepEqual(document.rules[0].formats['allow-code'], ['pickle']);
    assert.match(yaml, /# These can run code when they are loaded/);
  });

  it('writes releasers and the channel of a release', async () => {
    const { number } = await models.push('llama', { 'config.json': '{}' });
    await models.promote(number);
    const { document } = await writes(`${models.url()}@production`, ...TRUST);
    const [rule] = document.rules;
    assert.equal(rule['released-by'], RELEASER);
    assert.deepEqual(rule.channels, { production: { stateless: true } });
    assert.equal(rule.model, 'store/llama');
  });

  it('prints the policy where no file is named', async () => {
    const model = await signed({ 'config.json': '{}' });
    const { code, stdout } = await init(model, ...TRUSTING);
    assert.equal(code, 0);
    assertValid('policy', parse(stdout));
    const document = JSON.parse((await init(model, ...TRUSTING, '--json')).stdout);
    assertValid('policy-init', document);
    assert.equal(document.policy, stdout);
  });

  it('writes nothing from a model that is not verified, and says why', async () => {
    const model = await signed({ 'config.json': '{}' });
    writeFileSync(models.sandbox.path('models/llama/config.json'), '[]');
    const { code, stdout } = await init(model, ...TRUSTING, '--output-file', policy, '--json');
    const document = JSON.parse(stdout);
    assertValid('policy-init', document);
    assert.deepEqual([code, document.policy, document.verification.findings[0].code], [1, undefined, 'file-changed']);
    assert.throws(() => readFileSync(policy), /ENOENT/);
  });

  it('replaces an existing policy with --force only, and never takes it away', async () => {
    const model = await signed({ 'config.json': '{}' });
    writeFileSync(policy, 'mine');
    const { code, stdout } = await init(model, ...TRUSTING, '--output-file', policy, '--json');
    const error = JSON.parse(stdout);
    assert.deepEqual([code, error.code], [1, 'file-exists']);
    assert.equal(readFileSync(policy, 'utf8'), 'mine');
    assert.equal((await init(model, '--output-file', policy)).code, 1);
    assert.equal((await init(model, ...TRUSTING, '--bogus', '--output-file', policy)).code, 2);
    writeFileSync(models.sandbox.path('models/llama/config.json'), '[]');
    assert.equal((await init(model, ...TRUSTING, '--output-file', policy, '--force')).code, 1);
    assert.equal(readFileSync(policy, 'utf8'), 'mine');
    writeFileSync(models.sandbox.path('models/llama/config.json'), '{}');
    await writes(model, ...TRUSTING, '--force');
  });

  it('refuses a path that no pattern can stand for', async () => {
    const model = models.sandbox.write('models/[x]', { a: 'a' });
    const { code, stdout } = await init(model, ...TRUSTING, '--json');
    assert.deepEqual([code, JSON.parse(stdout).code], [2, 'policy-init-unsuitable']);
    assert.match(JSON.parse(stdout).message, /characters that patterns do not have/);
  });
});
