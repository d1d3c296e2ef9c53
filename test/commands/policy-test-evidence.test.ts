import assert from 'node:assert/strict';
import { copyFileSync, cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { parse } from 'yaml';
import { sha256Hex } from '../../src/core/index.ts';
import { S3Bench } from '../helpers/s3.ts';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, RELEASER, StoredModels, signingAs, TRAINER } from '../helpers/stored-models.ts';

const DAY = 86_400_000;
const GATE = 'ec-p521';
const VERIFIER = 'https://gate.example';
const day = (days: number) => new Date(Date.now() + days * DAY).toISOString().slice(0, 10);

const PRINCIPALS = `version: 1
principals:
  trainer: { key: trainer.pub }
  releaser: { key: releaser.pub }
  security: { key: security.pub }
  gate: { key: gate.pub }
rules:
`;

const policy = (
  endpoint: string,
  gatePolicy: string,
) => `${PRINCIPALS}  - { model: models/unlisted, signed-by: trainer, revocations: { signed-by: security, file: list.json } }
  - { model: models/revoked, signed-by: trainer, revocations: { signed-by: security, file: list.json } }
  - { model: models/approved, signed-by: trainer, attestations: [{ type: approval, role: security, signed-by: security, max-age: 30d }] }
  - { model: models/unapproved, signed-by: trainer, attestations: [{ type: approval, role: legal, signed-by: security }] }
  - { model: models/twice, signed-by: trainer, attestations: [{ type: approval, role: security, signed-by: "2 of [security, releaser]" }] }
  - { model: models/good, signed-by: trainer, attestations: [{ type: evaluation, signed-by: security, metrics: { accuracy: ">= 0.9" } }] }
  - { model: models/bad, signed-by: trainer, attestations: [{ type: evaluation, signed-by: security, metrics: { accuracy: ">= 0.9" } }] }
  - { model: models/scanned, signed-by: trainer, attestations: [{ type: "https://example.com/scan/v1", signed-by: security }] }
  - { model: models/derived, signed-by: trainer, lineage: { base-model: { signed-by: releaser, minimum: 1 } }, attestations: [{ type: provenance, signed-by: trainer }] }
  - { model: models/foreign, signed-by: trainer, lineage: { base-model: { signed-by: security } } }
  - { model: models/built, signed-by: trainer, lineage: { model: { builders: ["https://ci.example/other"] } } }
  - { model: models/passed, signed-by: releaser, vsa: { signed-by: gate, verifier: "${VERIFIER}", max-age: 7d, policy: ${gatePolicy} } }
  - { model: models/renamed, signed-by: releaser, vsa: { signed-by: gate, verifier: "https://other.example", max-age: 7d, policy: ${gatePolicy} } }
  - { model: models/unsummed, signed-by: releaser, vsa: { signed-by: security, verifier: "${VERIFIER}", max-age: 7d, policy: ${gatePolicy} } }
  - { model: models/imports, signed-by: trainer, formats: { allow-code: [pickle], imports: [datetime.timedelta] } }
  - { model: models/others, signed-by: trainer, formats: { allow-code: [pickle], imports: [datetime.date] } }
  - { model: models/linked, signed-by: trainer }
  - { model: s3://models/team/believed, signed-by: trainer, released-by: releaser, attested-endpoints: ["${endpoint}"] }
  - { model: s3://models/team/doubted, signed-by: trainer, released-by: releaser, attested-endpoints: ["https://s3.example"] }
`;

const CASES = `version: 1
policy: p.yaml
cases:
  - { name: nothing of it is revoked, model: models/unlisted, expect: verified }
  - { name: revoked, model: models/revoked, expect: rejected, finding: revoked-model }
  - { name: approved, model: models/approved, expect: verified }
  - { name: approved long ago, model: models/approved, at: ${day(40)}, expect: rejected, finding: attestation-too-old }
  - { name: approved in another role, model: models/unapproved, expect: rejected, finding: attestation-missing }
  - { name: approved by one of two, model: models/twice, expect: rejected, finding: attestation-signer-missing }
  - { name: evaluated within bounds, model: models/good, expect: verified }
  - { name: evaluated out of bounds, model: models/bad, expect: rejected, finding: metric-not-met }
  - { name: scanned, model: models/scanned, expect: verified }
  - { name: made from what the releaser signed, model: models/derived, expect: verified }
  - { name: made from what somebody else signed, model: models/foreign, expect: rejected, finding: lineage-signer-missing }
  - { name: made elsewhere, model: models/built, expect: rejected, finding: builder-not-allowed }
  - { name: by the word of a gatekeeper, model: models/passed, expect: verified }
  - { name: by an old word of a gatekeeper, model: models/passed, at: ${day(9)}, expect: rejected, finding: vsa-too-old }
  - { name: in the name of another gatekeeper, model: models/renamed, expect: rejected, finding: vsa-verifier-differs }
  - { name: by the word of somebody else, model: models/unsummed, expect: rejected, finding: signer-missing }
  - { name: a pickle that imports what it may, model: models/imports, expect: verified }
  - { name: a pickle that imports more, model: models/others, expect: rejected, finding: pickle-import-not-allowed }
  - { name: a link where none may be, model: models/linked, expect: rejected, finding: link-refused }
  - { name: by the checksums of an endpoint, model: s3://models/team/believed@1, expect: verified }
  - { name: at an endpoint that is not believed, model: s3://models/team/doubted@1, expect: rejected, finding: file-changed }
`;

describe('mlsign policy test, of evidence beside the model', function () {
  this.timeout(240_000);
  let bench: S3Bench;
  let models: StoredModels;

  before(async () => {
    bench = await S3Bench.start();
    models = new StoredModels(bench);
    const { sandbox } = models;
    const keys = { trainer: TRAINER, releaser: RELEASER, security: 'ec-p384', gate: GATE };
    for (const [name, key] of Object.entries(keys)) copyFileSync(keyPath(`${key}.pub`), sandbox.path(`${name}.pub`));
    const run = async (...args: readonly string[]) => {
      const { code, stderr, stdout } = await models.run(...args);
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}${stdout}`);
    };
    const model = async (
      name: string,
      files: Readonly<Record<string, string | Buffer>> = { 'config.json': `{"name":"${name}"}` },
      key = TRAINER,
    ) => {
      const path = sandbox.write(`models/${name}`, files);
      await run('sign', path, ...signingAs(key));
      return path;
    };
    await model('unlisted');
    const list = ['--revocations', sandbox.path('list.json'), '--trust-revoker', sandbox.path('security.pub'), ...signingAs('ec-p384')];
    await run('revoke', '--init', '--expires', '90d', ...list);
    await run('revoke', await model('revoked'), '--reason', 'poisoned', ...list);
    for (const name of ['approved', 'unapproved', 'twice'])
      await run('approve', await model(name), '--role', 'security', ...signingAs('ec-p384'));
    const predicate = sandbox.path('predicate.json');
    const attest = async (name: string, type: string, json: object) => {
      writeFileSync(predicate, JSON.stringify(json));
      await run('attest', await model(name), '--predicate', predicate, '--type', type, ...signingAs('ec-p384'));
    };
    await attest('good', 'https://mlsign/evaluation/v1', { metrics: { accuracy: 0.95 } });
    await attest('bad', 'https://mlsign/evaluation/v1', { metrics: { accuracy: 0.85 } });
    await attest('scanned', 'https://example.com/scan/v1', { findings: 0 });
    const base = await model('base', { 'base.json': '{}' }, RELEASER);
    const from = ['--base', base, '--relation', 'adapter', '--builder', 'https://ci.example/train', ...signingAs(TRAINER)];
    for (const name of ['derived', 'foreign', 'built']) await run('attest', await model(name), ...from);
    const gate = sandbox.path('gate.yaml');
    writeFileSync(gate, `${PRINCIPALS}  - { model: models/*, signed-by: trainer }\n`);
    for (const name of ['passed', 'renamed', 'unsummed']) {
      const path = await model(name);
      const report = `vsa=${sandbox.path(`${name}.att`)}`;
      await run('verify', path, '--policy', gate, '--report', report, '--verifier', VERIFIER, ...signingAs(GATE));
      sandbox.write(`models/${name}.mlsign`, { 'gate.att': readFileSync(sandbox.path(`${name}.att`)) });
    }
    const pickle = { 'model.pkl': Buffer.from('\x80\x02cdatetime\ntimedelta\nq\x00.', 'latin1') };
    cpSync(await model('imports', pickle), sandbox.path('models/others'), { recursive: true });
    symlinkSync('config.json', `${await model('linked')}/more.json`);
    for (const name of ['believed', 'doubted']) {
      const { modelId } = await models.push(name);
      const key = `team/${name}/${modelId}/weights.bin`;
      await bench.behind.corrupt(key, bench.behind.history(key)[0]?.id ?? '');
    }
    writeFileSync(sandbox.path('p.yaml'), policy(bench.server.endpoint, sha256Hex(readFileSync(gate))));
    writeFileSync(sandbox.path('cases.yaml'), CASES);
  });
  after(async () => {
    models.remove();
    await bench.stop();
  });

  it('runs a case of what counts and one of what does not for each', async () => {
    assertValid('policy', parse(readFileSync(models.sandbox.path('p.yaml'), 'utf8')));
    assertValid('policy-cases', parse(CASES));
    const { code, stdout, stderr } = await models.run('policy', 'test', models.sandbox.path('cases.yaml'), '--json');
    const document = JSON.parse(stdout);
    assert.deepEqual(
      document.cases.filter(({ passed }: { passed: boolean }) => !passed),
      [],
      stderr,
    );
    assert.deepEqual([code, document.failed, document.passed], [0, 0, parse(CASES).cases.length]);
  });
});
