import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '../../src/core/index.ts';
import { parseBundle, parseVsa } from '../../src/formats/index.ts';
import { type CliRun, mlsign } from '../helpers/cli.ts';
import { keyUrl } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { sarifRun } from '../helpers/sarif.ts';
import { assertValid } from '../helpers/schemas.ts';
import { STORE_BEDS, type StoreBed } from '../helpers/store-bed.ts';
import { keyPath, signingAs } from '../helpers/stored-models.ts';
import { GATEKEEPER, VERIFIER, writeSummary } from '../helpers/summaries.ts';

const SIGNING = [...signingAs(GATEKEEPER), '--verifier', VERIFIER];

/** A policy that trusts the trainer, or the gatekeeper who verified under another one. */
function policyYaml(vsa = ''): string {
  const key = (name: string) => `{ key: "${keyUrl(`${name}.pub`).pathname}" }`;
  return `version: 1
principals:
  trainer: ${key('ec-p256')}
  releaser: ${key('rsa-2048')}
  gatekeeper: ${key(GATEKEEPER)}
  nobody: ${key('ec-p521')}
rules:
  - model: "**"
    signed-by: ${vsa === '' ? 'trainer' : 'nobody'}
    released-by: releaser
    formats: any
${vsa === '' ? '' : `    vsa: { signed-by: gatekeeper, verifier: "${VERIFIER}", max-age: 1d, ${vsa} }\n`}`;
}

describe('mlsign verify --report', () => {
  const sandbox = new Sandbox();
  let model: string;
  let policy: string;
  let count = 0;

  beforeEach(async () => {
    model = sandbox.write(`${++count}/llama`, { 'weights.bin': 'weights', 'a b#.bin': 'more' });
    policy = join(sandbox.path(`${count}`), 'p.yaml');
    writeFileSync(policy, policyYaml());
    const { code, stderr } = await mlsign(['sign', model, ...signingAs('ec-p256')]);
    assert.equal(code, 0, stderr);
  });
  after(() => sandbox.remove());

  const verify = (...args: readonly string[]): Promise<CliRun> => mlsign(['verify', model, ...args]);
  const at = (name: string) => sandbox.path(`${count}`, name);
  const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

  async function fails(exitCode: number, code: string, message: RegExp, ...args: readonly string[]) {
    const { code: exit, stdout } = await verify('--json', ...args);
    const error = JSON.parse(stdout);
    assert.deepEqual([exit, error.code], [exitCode, code], error.message);
    assert.match(error.message, message);
    return error;
  }

  describe('sarif=FILE', () => {
    it('is written where all is well', async () => {
      const { code, stderr } = await verify('--policy', policy, '--report', `sarif=${at('r.sarif')}`);
      assert.equal(code, 0, stderr);
      const { results, invocations } = sarifRun(json(at('r.sarif')));
      assert.deepEqual([results, invocations[0]?.exitCode], [[], 0]);
    });

    it('is written where the model is rejected, and says where', async () => {
      writeFileSync(join(model, 'a b#.bin'), 'evil');
      const { code } = await verify('--policy', policy, '--report', `sarif=${at('r.sarif')}`, '--report', `sarif=${at('again.sarif')}`);
      assert.equal(code, 1);
      const { results, invocations, tool } = sarifRun(json(at('r.sarif')));
      assert.equal(invocations[0]?.exitCode, 1);
      const changed = results.find(({ ruleId }) => ruleId === 'file-changed');
      assert.equal(changed?.level, 'error');
      assert.equal(changed?.locations[0]?.physicalLocation.artifactLocation.uri, 'a%20b%23.bin');
      assert.notEqual(tool.driver.rules[0]?.fullDescription.text, results[0]?.message.text);
      assert.deepEqual(sarifRun(json(at('again.sarif'))).results, results);
    });

    it('is written where no verdict could be given', async () => {
      writeFileSync(policy, policyYaml().replace('"**"', '"elsewhere/*"'));
      await fails(1, 'policy-no-rule', /no rule/, '--policy', policy, '--report', `sarif=${at('r.sarif')}`);
      const { results, invocations } = sarifRun(json(at('r.sarif')));
      assert.deepEqual([results.map(({ ruleId }) => ruleId), invocations[0]?.exitCode], [['policy-no-rule'], 1]);
    });

    it('fails where it cannot be written, before anything is read', async () => {
      const file = at('none/r.sarif');
      const error = await fails(3, 'file-not-found', /cannot write the report/, '--policy', policy, '--report', `sarif=${file}`);
      assert.equal(error.subject, file);
    });

    it('refuses what it does not know, and a place inside the model', async () => {
      await fails(2, 'report-unknown', /no such report/, '--policy', policy, '--report', 'html=r.html');
      await fails(2, 'report-unknown', /no such report/, '--policy', policy, '--report', 'sarif=');
      await fails(2, 'report-twice', /file of its own/, '--policy', policy, '--report', `sarif=${at('r')}`, '--report', `sarif=${at('r')}`);
      for (const kind of ['sarif', 'vsa']) {
        const error = await fails(2, 'report-over-other', /no older report/, '--policy', policy, '--report', `${kind}=${policy}`);
        assert.equal(error.subject, policy);
      }
      assert.equal(readFileSync(policy, 'utf8'), policyYaml());
      await fails(2, 'report-inside-model', /unsigned file/, '--policy', policy, '--report', `sarif=${join(model, 'r.sarif')}`);
    });
  });

  describe('vsa=FILE', () => {
    const summaryAt = (path: string) => parseVsa(parseBundle(readFileSync(path), path).envelope.payload, path);

    it('signs what was verified', async () => {
      const file = join(`${model}.mlsign`, 'gate.att');
      const { code, stdout, stderr } = await verify('--policy', policy, '--report', `vsa=${file}`, ...SIGNING, '--json');
      assert.equal(code, 0, stderr);
      const document = JSON.parse(stdout);
      assertValid('verification', document);
      const summary = summaryAt(file);
      assert.equal(summary.result, 'PASSED');
      assert.equal(summary.subject.modelId, document.model_id);
      assert.equal(summary.verifier, VERIFIER);
      assert.equal(summary.policy.sha256, sha256Hex(readFileSync(policy)));
      assert.equal(summary.resource, new URL(`file://${model}`).href);
      assert.deepEqual(
        summary.inputs.map(({ sha256, uri }) => [sha256, uri]),
        [[sha256Hex(readFileSync(join(model, 'model.sig'))), 'model.sig']],
      );
      assert.ok(Math.abs(summary.timeVerified.getTime() - Date.now()) < 60_000);
      const { checks } = document as { checks: readonly { name: string; status: string }[] };
      assert.equal(checks.find(({ name }) => name === 'summary')?.status, 'passed');
    });

    it('lets later stages go by it, where their policy says so', async () => {
      const file = join(`${model}.mlsign`, 'gate.att');
      await verify('--policy', policy, '--report', `vsa=${file}`, ...SIGNING);
      const later = at('later.yaml');
      writeFileSync(later, policyYaml(`policy: ${sha256Hex(readFileSync(policy))}`));
      assert.equal((await verify('--policy', later)).code, 0);
      const flags = await verify('--policy', later, '--trust-key', keyPath('ec-p521.pub'));
      assert.equal(flags.code, 1, 'signers that flags ask for have no summary');
    });

    it('signs that a model failed, and exits as it does', async () => {
      const file = at('gate.att');
      writeFileSync(join(model, 'weights.bin'), 'evil');
      const { code } = await verify('--policy', policy, '--report', `vsa=${file}`, ...SIGNING);
      assert.equal(code, 1);
      assert.equal(summaryAt(file).result, 'FAILED');
    });

    it('writes none where the answer is open or nobody says which model it is, and leaves no older one', async () => {
      const file = at('gate.att');
      assert.equal((await verify('--policy', policy, '--report', `vsa=${file}`, ...SIGNING)).code, 0);
      writeFileSync(policy, policyYaml().replace('formats: any', 'formats: any\n    revocations: { signed-by: nobody, file: none.json }'));
      const open = await verify('--policy', policy, '--report', `vsa=${file}`, ...SIGNING);
      assert.equal(open.code, 3);
      assert.match(open.stdout, /not written: the answer is open/);
      assert.equal(existsSync(file), false);
      writeFileSync(policy, policyYaml().replace('signed-by: trainer', 'signed-by: nobody'));
      const unknown = await verify('--policy', policy, '--report', `vsa=${file}`, ...SIGNING);
      assert.equal(unknown.code, 1);
      assert.match(unknown.stdout, /not written: no trusted signature says which model it is/);
      assert.equal(existsSync(file), false);
    });

    it('is not made of another summary: an old verification would live on for ever', async () => {
      const file = join(`${model}.mlsign`, 'gate.att');
      const first = await verify('--policy', policy, '--report', `vsa=${file}`, ...SIGNING);
      assert.equal(first.code, 0);
      writeFileSync(policy, policyYaml(`policy: ${sha256Hex(readFileSync(policy))}`));
      assert.equal((await verify('--policy', policy)).code, 0);
      const next = await verify('--policy', policy, '--report', `vsa=${at('next.att')}`, ...SIGNING);
      assert.equal(next.code, 1);
      assert.equal(existsSync(at('next.att')), false);
      await fails(2, 'vsa-from-vsa', /not of another summary/, '--policy', policy, '--vsa', file, '--report', `vsa=${at('n')}`, ...SIGNING);
    });

    it('asks for a verifier, a policy file and one signer', async () => {
      const report = ['--report', `vsa=${at('gate.att')}`];
      const key = signingAs(GATEKEEPER);
      await fails(2, 'vsa-verifier-invalid', /name of a verifier/, '--policy', policy, ...report, ...key);
      await fails(2, 'vsa-verifier-invalid', /name of a verifier/, '--policy', policy, ...report, ...key, '--verifier', 'gate');
      await fails(2, 'vsa-without-policy', /names the policy file/, '--trust-key', keyPath('ec-p256.pub'), ...report, ...SIGNING);
      await fails(2, 'signer-missing', /what to sign with/, '--policy', policy, ...report, '--verifier', VERIFIER);
      await fails(2, 'one-signer', /one signer/, '--policy', policy, ...report, ...SIGNING, ...signingAs('ec-p256'));
      await fails(2, 'report-twice', /one summary/, '--policy', policy, ...report, '--report', `vsa=${at('b')}`, ...SIGNING);
      assert.deepEqual(readdirSync(sandbox.path(`${count}`)).sort(), ['llama', 'p.yaml']);
    });

    it('lets --key sign and trusts nobody by it; without it, --key trusts and nobody signs', async () => {
      assert.equal((await verify('--key', keyPath('ec-p256.pub'))).code, 0);
      await fails(2, 'trust-missing', /whom you trust/, '--report', `sarif=${at('r')}`);
      await fails(2, 'flag-without-use', /--kms/, '--policy', policy, '--kms', 'alias/x');
      await fails(2, 'flag-without-use', /--verifier/, '--policy', policy, '--verifier', VERIFIER);
    });

    it('says what the verdict was where the summary could not be made', async () => {
      const folder = at('gone');
      mkdirSync(folder);
      const { code, stdout } = await verify(
        ...['--policy', policy, '--report', `vsa=${join(folder, 'gate.att')}`, '--verifier', VERIFIER, '--json'],
        ...['--kms', 'alias/none', '--kms-endpoint-url', 'http://127.0.0.1:1', '--region', 'eu-central-1'],
      );
      assert.equal(code, 3);
      const error = JSON.parse(stdout);
      assert.equal(error.code, 'report-failed');
      assert.match(error.message, /^the verdict is verified, and its report could not be made: /);
    });
  });
});

for (const [kind, open] of Object.entries(STORE_BEDS)) {
  describe(`mlsign verify --report vsa in ${kind}`, () => {
    const sandbox = new Sandbox();
    let bed: StoreBed;
    let gate: string;
    let later: string;
    let url: string;

    before(async () => {
      bed = await open();
      url = bed.url('llama');
      gate = sandbox.path('gate.yaml');
      later = sandbox.path('later.yaml');
      writeFileSync(gate, policyYaml());
      writeFileSync(later, policyYaml(`policy: ${sha256Hex(readFileSync(gate))}`));
      const model = sandbox.write('llama', { 'weights.bin': 'weights', 'config.json': '{}' });
      await done('sign', model, ...signingAs('ec-p256'));
      await done('push', model, url, '--policy', gate, ...signingAs('rsa-2048'));
      writeFileSync(join(model, 'weights.bin'), 'more weights');
      await done('sign', model, '--force', ...signingAs('ec-p256'));
      await done('push', model, url, '--policy', gate, ...signingAs('rsa-2048'));
      await done('verify', `${url}@1`, '--policy', gate, '--report', `vsa=${sandbox.path('1.att')}`, ...SIGNING);
    });
    after(async () => {
      sandbox.remove();
      await bed.close();
    });

    const run = (...args: readonly string[]): Promise<CliRun> =>
      mlsign(args, { env: { XDG_STATE_HOME: sandbox.path('state'), ...bed.env } });

    async function done(...args: readonly string[]): Promise<CliRun> {
      const result = await run(...args);
      assert.equal(result.code, 0, result.stderr + result.stdout);
      return result;
    }

    async function codes(...args: readonly string[]): Promise<readonly string[]> {
      const { stdout, stderr } = await run(...args, '--policy', later, '--json');
      assert.notEqual(stdout, '', stderr);
      const document = JSON.parse(stdout);
      const { verdict, findings } = document.verification ?? document;
      return [verdict, ...findings.map(({ code }: { code: string }) => code)];
    }

    it('names the release and its record', () => {
      const path = sandbox.path('1.att');
      const summary = parseVsa(parseBundle(readFileSync(path), path).envelope.payload, path);
      assert.equal(summary.resource, encodeURI(`${url}@1`));
      assert.ok(summary.inputs.length >= 2);
    });

    it('is accepted for that release, verified or pulled', async () => {
      assert.deepEqual(await codes('verify', `${url}@1`, '--vsa', sandbox.path('1.att')), ['verified']);
      assert.equal((await codes('verify', `${url}@1`))[0], 'rejected');
      assert.deepEqual(await codes('pull', `${url}@1`, sandbox.path('pulled'), '--vsa', sandbox.path('1.att')), ['verified']);
    });

    it('is not accepted for another release of the same name', async () => {
      const found = await codes('verify', `${url}@2`, '--vsa', sandbox.path('1.att'));
      assert.deepEqual(found, ['rejected', 'signer-missing', 'vsa-model-differs', 'vsa-resource-differs']);
    });

    it('is not accepted for another release of the same model', async () => {
      const model = sandbox.path('pulled');
      await done('push', model, url, '--policy', gate, ...signingAs('rsa-2048'));
      const found = await codes('verify', `${url}@3`, '--vsa', sandbox.path('1.att'));
      assert.deepEqual(found, ['rejected', 'signer-missing', 'vsa-resource-differs']);
    });

    it('is not accepted where it was made with another record of the release', async () => {
      const path = sandbox.path('1.att');
      const summary = parseVsa(parseBundle(readFileSync(path), path).envelope.payload, path);
      const inputs = summary.inputs.filter(({ signer }) => signer !== undefined);
      const other = await writeSummary(sandbox.path('other.att'), { ...summary, inputs });
      assert.deepEqual(await codes('verify', `${url}@1`, '--vsa', other), ['rejected', 'signer-missing', 'vsa-record-differs']);
    });

    it('travels with the model that it was made of, and is found there', async () => {
      const model = sandbox.path('travelling');
      writeFileSync(later, readFileSync(later, 'utf8').replace('max-age: 1d,', 'max-age: 1d, resource: "file:///**",'));
      await done('pull', `${url}@1`, model, '--policy', gate);
      await done('verify', model, '--policy', gate, '--report', `vsa=${model}.mlsign/gate.att`, ...SIGNING);
      assert.deepEqual(await codes('verify', model), ['verified']);
      assert.deepEqual(await codes('pull', `${url}@1`, sandbox.path('again'), '--vsa', sandbox.path('1.att')), ['verified']);
    });

    it('has the findings of a pull as SARIF', async () => {
      const file = sandbox.path('pull.sarif');
      assert.equal((await codes('pull', `${url}@2`, sandbox.path('none'), '--report', `sarif=${file}`))[0], 'rejected');
      const { results } = sarifRun(JSON.parse(readFileSync(file, 'utf8')));
      assert.deepEqual(
        results.map(({ ruleId }) => ruleId),
        ['signer-missing'],
      );
      const { code, stdout } = await run('pull', `${url}@2`, sandbox.path('none'), '--policy', gate, '--report', 'vsa=x', '--json');
      assert.deepEqual([code, JSON.parse(stdout).code], [2, 'report-unknown']);
    });
  });
}
