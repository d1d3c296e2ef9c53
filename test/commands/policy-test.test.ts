import assert from 'node:assert/strict';
import { copyFileSync, cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, RELEASER, StoredModels, signingAs, TRAINER } from '../helpers/stored-models.ts';
import { FIXTURES } from '../interop/fixture.ts';

const POLICY = `version: 1
principals:
  trainer: { key: trainer.pub }
  releaser: { key: releaser.pub }
  former: { key: former.pub, not-after: 2026-01-31 }
  older: { ca: older.pem }
rules:
  - { model: models/legacy, signed-by: older, allow-legacy: true, formats: any }
  - { model: models/modern, signed-by: older }
  - { model: models/*, signed-by: trainer }
  - { model: models/two, signed-by: "2 of [trainer, releaser]" }
  - { model: models/stamped, signed-by: trainer, require: { timestamps: 1 } }
  - { model: models/logged, signed-by: trainer, require: { logs: 1 } }
  - { model: models/whole, signed-by: trainer, ignore-paths: [] }
  - { model: models/cached, signed-by: trainer, unsigned-paths: [cache] }
  - { model: models/loose, signed-by: trainer, ignore-unsigned-files: true }
  - { model: models/linked, signed-by: trainer, allow-symlinks: true }
  - { model: models/former, signed-by: former }
  - { model: models/any, signed-by: trainer, formats: any }
  - { model: models/pickled, signed-by: trainer, formats: { allow-code: [pickle] } }
  - { model: models/json, signed-by: trainer, formats: { allow: [json] } }
  - { model: models/listed, signed-by: trainer, revocations: { signed-by: releaser, file: revocations.json } }
  - { model: models/derived, signed-by: trainer, lineage: { base-model: { signed-by: trainer, minimum: 1 } } }
  - { model: models/aged, signed-by: trainer, require: { max-age: 30d } }
  - { model: models/approved, signed-by: trainer, attestations: [{ type: approval, role: security, signed-by: releaser }] }
  - { model: models/summed, signed-by: releaser, vsa: { signed-by: releaser, verifier: "https://gate.example", max-age: 7d } }
  - model: store/*
    signed-by: trainer
    released-by: releaser
    channels: { production: { signed-by: releaser, stateless: false }, staging: { signed-by: releaser } }
  - { model: store/other, signed-by: trainer, released-by: trainer }
`;

const CASES = `version: 1
policy: p.yaml
cases:
  - { name: signed, model: models/good, expect: verified, rule: models/* }
  - { name: changed after it was signed, model: models/changed, expect: rejected, finding: file-changed }
  - { name: signed by somebody else, model: models/foreign, expect: rejected, finding: signer-missing }
  - { name: not signed, model: models/unsigned, expect: undetermined, finding: signature-not-found }
  - { name: its bundle elsewhere, model: models/good, signature: models/good/model.sig, expect: verified }
  - { name: signed by one of two, model: models/two, expect: rejected, finding: signer-missing, rule: models/two }
  - { name: without a timestamp, model: models/stamped, expect: rejected, finding: timestamp-missing }
  - { name: in no log, model: models/logged, expect: rejected, finding: log-entry-missing }
  - { name: the signer left something out, model: models/whole, expect: rejected, finding: ignored-path-not-accepted }
  - { name: unsigned where it may be, model: models/cached, expect: verified }
  - { name: unsigned anywhere, model: models/loose, expect: verified, finding: unsigned-extra }
  - { name: unsigned elsewhere, model: models/extra, expect: rejected, finding: file-extra }
  - { name: links where they may be, model: models/linked, expect: verified }
  - { name: a key in its time, model: models/former, at: 2026-01-15, expect: verified }
  - { name: a key after its time, model: models/former, at: 2026-02-15T12:00:00Z, expect: rejected, finding: key-retired }
  - { name: a pickle, model: models/pickle, expect: rejected, finding: format-runs-code }
  - { name: a pickle where anything may be, model: models/any, expect: verified }
  - { name: a pickle where pickles may be, model: models/pickled, expect: verified }
  - { name: text where only JSON may be, model: models/json, expect: rejected, finding: format-not-allowed }
  - { name: without the list, model: models/listed, expect: undetermined, finding: revocations-missing }
  - { name: without provenance, model: models/derived, expect: undetermined, finding: provenance-missing }
  - { name: signed at no proven time, model: models/aged, expect: rejected, finding: signature-too-old }
  - { name: not approved, model: models/approved, expect: rejected, finding: attestation-missing }
  - { name: without a summary, model: models/summed, expect: rejected, finding: signer-missing }
  - { name: an old form where it counts, model: models/legacy, signature: legacy.sig, expect: verified }
  - { name: an old form, model: models/modern, signature: legacy.sig, expect: rejected, finding: legacy-not-allowed }
  - { name: a release, model: "file:store/llama@1", expect: verified, rule: store/* }
  - { name: a channel that needs memory, model: "file:store/llama@production", expect: undetermined, finding: channel-state-missing }
  - { name: a channel that needs none, model: "file:store/llama@staging", expect: verified }
  - { name: released by somebody else, model: "file:store/other@1", expect: rejected }
  - { name: under a policy that lies in it, policy: models/inside/p.yaml, model: models/inside, expect: rejected, finding: policy-inside-model }
  - { name: under a policy that lies in the store, policy: store/llama/p.yaml, model: "file:store/llama@1", expect: rejected, finding: policy-inside-model }
  - { name: somewhere else, model: elsewhere, expect: rejected, finding: policy-no-rule }
`;

describe('mlsign policy test', function () {
  this.timeout(240_000);
  let models: StoredModels;
  let cases: string;

  before(async () => {
    models = new StoredModels();
    const { sandbox } = models;
    copyFileSync(keyPath(`${TRAINER}.pub`), sandbox.path('trainer.pub'));
    copyFileSync(keyPath(`${RELEASER}.pub`), sandbox.path('releaser.pub'));
    copyFileSync(keyPath('ec-p384.pub'), sandbox.path('former.pub'));
    const files = { 'weights.txt': 'weights', 'config.json': '{}' };
    const sign = async (path: string, key: string, ...args: readonly string[]) => {
      const run = await models.run('sign', path, ...signingAs(key), ...args);
      assert.equal(run.code, 0, run.stderr);
    };
    const good = sandbox.write('models/good', files);
    await sign(good, TRAINER);
    for (const name of [
      'changed',
      'two',
      'stamped',
      'logged',
      'loose',
      'extra',
      'json',
      'listed',
      'derived',
      'cached',
      'aged',
      'approved',
      'summed',
    ])
      cpSync(good, sandbox.path('models', name), { recursive: true });
    cpSync(good, sandbox.path('elsewhere'), { recursive: true });
    writeFileSync(sandbox.path('models/changed/weights.txt'), 'WEIGHTS');
    for (const name of ['loose', 'extra']) writeFileSync(sandbox.path('models', name, 'more.txt'), 'more');
    sandbox.write('models/cached/cache', { 'a.txt': 'a' });
    sandbox.write('models/unsigned', files);
    await sign(sandbox.write('models/foreign', files), 'ec-p521');
    await sign(sandbox.write('models/former', files), 'ec-p384');
    await sign(sandbox.write('models/whole', { ...files, 'notes.txt': 'notes' }), TRAINER, '--ignore-paths', 'notes.txt');
    const linked = sandbox.write('models/linked', files);
    symlinkSync('weights.txt', sandbox.path('models/linked/more.txt'));
    await sign(linked, TRAINER, '--allow-symlinks');
    const pickle = sandbox.write('models/pickle', { 'model.pkl': Buffer.from('\x80\x04]\x94.', 'latin1') });
    await sign(pickle, TRAINER);
    for (const name of ['any', 'pickled']) cpSync(pickle, sandbox.path('models', name), { recursive: true });
    for (const name of ['legacy', 'modern']) cpSync(join(FIXTURES, 'models/tree'), sandbox.path('models', name), { recursive: true });
    copyFileSync(join(FIXTURES, 'bundles/0.2.0/certificate-p256.sig'), sandbox.path('legacy.sig'));
    copyFileSync(join(FIXTURES, 'trust/p256.pem'), sandbox.path('older.pem'));
    await models.push('llama', files);
    await models.promote(1, new Date(), 30, 'production');
    await models.promote(1, new Date(), 30, 'staging');
    await models.push('other', files);
    cpSync(good, sandbox.path('models/inside'), { recursive: true });
    writeFileSync(sandbox.path('p.yaml'), POLICY);
    for (const place of ['models/inside', 'store/llama']) {
      const absolute = JSON.stringify(sandbox.path('trainer.pub'));
      const yaml = `version: 1\nprincipals:\n  trainer: { key: ${absolute} }\nrules:\n  - { model: "**", signed-by: trainer }\n`;
      writeFileSync(sandbox.path(place, 'p.yaml'), yaml);
    }
  });
  after(() => models.remove());

  const test = (yaml: string, ...args: readonly string[]) => {
    cases = models.sandbox.path('cases.yaml');
    writeFileSync(cases, yaml);
    return models.run('policy', 'test', cases, ...args);
  };

  it('runs a case for each kind of rule', async () => {
    assertValid('policy-cases', parse(CASES));
    const { stdout, code, stderr } = await test(CASES, '--json');
    const document = JSON.parse(stdout);
    assertValid('policy-test', document);
    const wrong = document.cases.filter(({ passed }: { passed: boolean }) => !passed);
    assert.deepEqual(wrong, [], stderr);
    assert.deepEqual([code, document.failed, document.passed], [0, 0, parse(CASES).cases.length]);
  });

  it('remembers nothing of channels', () => assert.throws(() => readFileSync(models.sandbox.path('state/mlsign/channels.json'))));

  it('says in TAP what is not as expected, and exits 1', async () => {
    const { code, stdout } = await test(`version: 1
cases:
  - { name: wrong verdict, policy: p.yaml, model: models/changed, expect: verified }
  - { name: wrong finding, policy: p.yaml, model: models/changed, expect: rejected, finding: file-extra }
  - { name: wrong rule, policy: p.yaml, model: models/good, expect: verified, rule: models/two }
  - { name: a model that is not there, policy: p.yaml, model: models/god, expect: undetermined }
  - { name: right, policy: p.yaml, model: models/good, expect: verified }
`);
    assert.equal(code, 1);
    assert.match(stdout, /^TAP version 14\n1\.\.5\nnot ok 1 - wrong verdict\n {2}---\n/);
    assert.match(stdout, /- "the verdict is rejected, and not verified"\n {2}findings:\n {4}- "weights\.txt: .* \[file-changed\]"/);
    assert.match(stdout, /not ok 2 - wrong finding\n[\s\S]*"no finding file-extra; found: file-changed"/);
    assert.match(stdout, /not ok 3 - wrong rule\n[\s\S]*"the rule is models\/\*, and not models\/two"/);
    assert.match(stdout, /not ok 4 - a model that is not there\n[\s\S]*"no verdict, but an error: .*\[file-not-found\]/);
    assert.match(stdout, /\nok 5 - right\n$/);
  });

  it('refuses a file that is none of cases, line by line', async () => {
    const { code, stdout } = await test(
      `version: 1\ncases:\n  - { name: a, model: m, expect: maybe }\n  - { name: a, model: m, expect: rejected, at: 2026-02-31, polcy: p.yaml }\n`,
      '--json',
    );
    const error = JSON.parse(stdout);
    assert.deepEqual([code, error.code], [2, 'policy-cases-invalid']);
    assert.match(error.message, /line 3, column \d+: cases\[0\]\.policy: expected a policy, here or at the top/);
    assert.match(error.message, /cases\[0\]\.expect: expected "verified" or "rejected" or "undetermined", got "maybe"/);
    assert.match(error.message, /cases\[1\]\.polcy: expected no such field \(did you mean "policy"\?\)/);
    assert.match(error.message, /cases\[1\]\.at: expected a day that there is/);
    assert.match(error.message, /cases\[1\]\.name: expected a name of its own/);
  });

  it('exits 2 where the policy is broken', async () => {
    writeFileSync(models.sandbox.path('broken.yaml'), 'version: 2\n');
    const { code, stdout } = await test('version: 1\npolicy: broken.yaml\ncases: [{ name: a, model: m, expect: verified }]\n', '--json');
    assert.deepEqual([code, JSON.parse(stdout).code], [2, 'policy-invalid']);
  });
});
