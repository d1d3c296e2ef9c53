import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { signModel, summarizeVerification, type Verification, type VerifyModelOptions, verifyModel } from '../../src/app/index.ts';
import { sha256Hex } from '../../src/core/index.ts';
import { parseBundle, parseVsa, type VerificationSummary } from '../../src/formats/index.ts';
import { loadPolicy } from '../../src/policy/index.ts';
import { fixtureSigner, keyUrl, mlsignError } from '../helpers/keys.ts';
import { NOW } from '../helpers/releases.ts';
import { aList, anEntry, signedList } from '../helpers/revocations.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { aSummary, GATEKEEPER, inputBy, VERIFIER, writeSummary } from '../helpers/summaries.ts';

const HOUR = 3_600_000;
/** Whoever signed the models of these tests: nobody of the policy. */
const MAKER = 'ec-p521';

describe('a verification summary in the place of signers', () => {
  const sandbox = new Sandbox();
  let model: string;
  let modelId: string;
  let policyFile: string;
  let beside: string;
  let count = 0;

  /** A policy whose rule trusts a signer who signed nothing here, and a gatekeeper. */
  function policy(vsa = '', more = ''): string {
    const key = (name: string) => `{ key: "${keyUrl(`${name}.pub`).pathname}" }`;
    const path = sandbox.path(`policy-${++count}.yaml`);
    writeFileSync(
      path,
      `version: 1
principals:
  trainer: ${key('ec-p256')}
  gatekeeper: ${key(GATEKEEPER)}
  revoker: ${key('ec-p384')}
rules:
  - model: "**"
    signed-by: trainer
    vsa: { signed-by: gatekeeper, verifier: "${VERIFIER}", max-age: 7d${vsa} }
${more}`,
    );
    return path;
  }

  async function summary(fields: Partial<VerificationSummary> = {}, key?: string, file = beside): Promise<string> {
    const policy = { uri: 'p.yaml', sha256: sha256Hex(readFileSync(policyFile)) };
    const inputs = [{ sha256: sha256Hex(readFileSync(`${model}/model.sig`)) }, ...(fields.inputs ?? [])];
    const about = { resource: pathToFileURL(model).href, policy, ...fields, inputs };
    return writeSummary(file, aSummary(modelId, new Date(NOW.getTime() - HOUR), about), key);
  }

  async function verify(options: Partial<VerifyModelOptions> = {}): Promise<Verification> {
    return verifyModel(model, { policy: await loadPolicy(policyFile), clock: () => NOW, ...options });
  }

  /** Asserts that it is rejected with these findings about the summary, besides the missing signer. */
  async function rejects(code: string, message: RegExp, fields: { readonly expected?: string; readonly got?: string } = {}, options = {}) {
    const { verdict, findings, read } = await verify(options);
    assert.equal(verdict, 'rejected');
    assert.equal(read, undefined, 'no byte is read');
    const found = findings.filter((finding) => finding.code === code && finding.subject === beside);
    assert.equal(found.length, 1, JSON.stringify(findings));
    const [finding] = found;
    assert.equal(finding?.severity, 'rejected');
    assert.match(finding?.message ?? '', message);
    for (const [name, value] of Object.entries(fields)) assert.equal(Reflect.get(finding ?? {}, name), value);
    assert.ok(findings.some((finding) => finding.code === 'signer-missing' || finding.code === 'signer-untrusted'));
  }

  beforeEach(async () => {
    model = sandbox.write(`models/${++count}/llama`, { 'weights.bin': `weights ${count}`, 'config.json': '{}' });
    ({ modelId } = await signModel(model, { signer: await fixtureSigner(MAKER) }));
    beside = `${model}.mlsign/gate.att`;
    policyFile = policy();
  });
  after(() => sandbox.remove());

  it('is accepted, and says what it stands in for', async () => {
    policyFile = policy('', '    require: { timestamps: 1 }\n    lineage: { base-model: { signed-by: trainer, minimum: 1 } }\n');
    await summary();
    const { verdict, findings, checks, signatures, signed, read } = await verify();
    assert.deepEqual(findings, []);
    assert.equal(verdict, 'verified');
    assert.equal(signed?.modelId, modelId);
    assert.equal(read?.files, 2, 'bytes are hashed all the same');
    const line = (name: string) => checks.filter((check) => check.name === name).map(({ status, detail }) => `${status}: ${detail}`);
    for (const name of ['signers', 'evidence', 'lineage'])
      assert.deepEqual(line(name), [`not-applicable: by the verification summary of ${VERIFIER}`]);
    assert.deepEqual(line('formats'), ['passed: by content: JSON 1, text 1'], 'what the files are is looked at all the same');
    assert.match(
      line('vsa').join(),
      /^passed: .*gate\.att: https:\/\/example\.com\/gate verified file:.*llama at 2026-03-01T11:00:00\.000Z/,
    );
    assert.deepEqual(
      signatures.map(({ path, counted }) => [path, counted]),
      [
        [beside, true],
        [`${model}/model.sig`, false],
      ],
    );
  });

  it('is not made where formats were to be looked at and were not', async () => {
    await summary();
    const verification = await verify();
    const options = {
      signer: await fixtureSigner(GATEKEEPER),
      verifier: VERIFIER,
      version: '1.0.0',
      timeVerified: NOW,
      resource: pathToFileURL(model).href,
      policyUri: 'p.yaml',
    };
    assert.ok('bytes' in (await summarizeVerification(verification, options)));
    const checks = [{ name: 'formats', status: 'skipped', detail: 'nothing is downloaded with --attested' } as const];
    assert.deepEqual(await summarizeVerification({ ...verification, checks }, options), {
      reason: 'formats were not looked at, and a summary stands in for them: verify without --attested',
    });
    const signer = verification.signatures[0]?.statement?.signer;
    assert.ok(signer !== undefined);
    const by = { bundle: 'base.sig', signer, times: [] };
    const evidence = Array.from({ length: 10_001 }, (_, i) => ({
      ...by,
      bundleDigest: i.toString(16).padStart(64, '0'),
    }));
    const node = { id: 'x', roles: [], depth: 0, verdict: 'verified', signers: [], evidence, provenance: [], findings: [] } as const;
    const lineage = { verdict: 'verified', isVerified: true, root: 'x', nodes: [node], edges: [], findings: [] } as const;
    assert.deepEqual(await summarizeVerification({ ...verification, lineage }, options), {
      reason: 'more than 10000 signed statements were verified, and a summary names each',
    });
    const failed = await summarizeVerification({ ...verification, checks, verdict: 'rejected' }, options);
    assert.ok('bytes' in failed && failed.result === 'FAILED');
  });

  it('may be named', async () => {
    const file = await summary({}, undefined, sandbox.path('gate.att'));
    assert.equal((await verify()).verdict, 'rejected');
    assert.equal((await verify({ summaries: [file] })).verdict, 'verified');
    await assert.rejects(verify({ summaries: [sandbox.path('none')] }), mlsignError('file-not-found', /verification summary/));
  });

  it('is not asked for where the signers themselves are wanted', async () => {
    await summary();
    const { verdict, checks } = await verify({ summaries: 'none' });
    assert.equal(verdict, 'rejected');
    assert.deepEqual(
      checks.filter(({ name }) => name === 'vsa').map(({ status }) => status),
      ['skipped'],
    );
  });

  it('leaves a model to its own signers where there is none, or none that is accepted', async () => {
    await signModel(model, { signer: await fixtureSigner('ec-p256'), force: true });
    assert.deepEqual((await verify()).findings, []);
    await summary({ result: 'FAILED' });
    const { verdict, findings } = await verify();
    assert.equal(verdict, 'verified');
    assert.deepEqual(
      findings.map(({ code, severity }) => [code, severity]),
      [['vsa-failed', 'warning']],
    );
  });

  it('never stands in for bytes', async () => {
    await summary();
    writeFileSync(`${model}/weights.bin`, 'poisoned');
    const { verdict, findings } = await verify();
    assert.equal(verdict, 'rejected');
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['file-changed'],
    );
  });

  it('rejects a summary of a model that was signed again since', async () => {
    await summary();
    await signModel(model, { signer: await fixtureSigner('rsa-2048'), force: true });
    await rejects('vsa-signature-differs', /no signature beside the model is the one that the gatekeeper verified/);
    writeFileSync(`${model}/weights.bin`, 'another');
    await signModel(model, { signer: await fixtureSigner(MAKER), force: true });
    await rejects('vsa-model-differs', /about another model/, { got: modelId });
  });

  it('rejects a manifest of the same model id that leaves out a path which the verified one does not', async () => {
    await summary();
    writeFileSync(`${model}/evil.json`, '{}');
    await signModel(model, { signer: await fixtureSigner(MAKER), ignorePaths: ['evil.json'], force: true });
    await rejects('vsa-signature-differs', /the one that the gatekeeper verified/, {
      got: sha256Hex(readFileSync(`${model}/model.sig`)),
    });
  });

  it('rejects a summary by somebody who is no gatekeeper', async () => {
    await summary({}, 'ec-p256');
    await rejects('signer-untrusted', /key that is not trusted/);
  });

  it('rejects a summary in the name of another verifier', async () => {
    await summary({ verifier: 'https://example.com/other' });
    await rejects('vsa-verifier-differs', /another verifier/, { expected: VERIFIER, got: 'https://example.com/other' });
  });

  it('rejects a summary under another policy', async () => {
    await summary({ policy: { uri: 'lax.yaml', sha256: 'd'.repeat(64) } });
    await rejects('vsa-policy-differs', /another policy/, { got: 'd'.repeat(64) });
    policyFile = policy(`, policy: ${'d'.repeat(64)}`);
    assert.equal((await verify()).verdict, 'verified');
    await summary();
    await rejects('vsa-policy-differs', /another policy/, { expected: 'd'.repeat(64) });
  });

  it('rejects a summary of another model', async () => {
    await summary({ subject: { name: 'llama', modelId: 'a'.repeat(64) } });
    await rejects('vsa-model-differs', /another model/, { expected: modelId, got: 'a'.repeat(64) });
  });

  it('rejects a summary of another place, unless the policy says where copies come from', async () => {
    await summary({ resource: 's3://models/llama@7' });
    await rejects('vsa-resource-differs', /elsewhere/, { got: 's3://models/llama@7' });
    policyFile = policy(', resource: "s3://models/llama@*"');
    await summary({ resource: 's3://models/llama@7' });
    assert.equal((await verify()).verdict, 'verified');
    await summary({ resource: 's3://models/other@7' });
    await rejects('vsa-resource-differs', /elsewhere/, { expected: 's3://models/llama@*' });
  });

  it('rejects a summary that failed, also where an older one passed', async () => {
    await summary({ timeVerified: new Date(NOW.getTime() - 2 * HOUR) }, undefined, `${model}.mlsign/a.att`);
    assert.equal((await verify()).verdict, 'verified');
    await summary({ result: 'FAILED' });
    await rejects('vsa-failed', /did not pass/, { expected: 'PASSED', got: 'FAILED' });
  });

  it('rejects a summary that is too old, or of the future', async () => {
    await summary({ timeVerified: new Date(NOW.getTime() - 7 * 24 * HOUR) });
    assert.equal((await verify()).verdict, 'verified');
    await summary({ timeVerified: new Date(NOW.getTime() - 7 * 24 * HOUR - 1) });
    await rejects('vsa-too-old', /older than the policy accepts/);
    await summary({ timeVerified: new Date(NOW.getTime() + 1) });
    await rejects('vsa-from-future', /in the future/, { got: '2026-03-01T12:00:00.001Z' });
  });

  it('rejects a summary that is malformed', async () => {
    await summary({ verifier: 'no URI' });
    await rejects('vsa-malformed', /predicate\.verifier\.id: expected a URI/);
  });

  it('does not look at what lies in its place and is none', async () => {
    await summary();
    writeFileSync(`${model}.mlsign/b.att`, 'nothing');
    const { verdict, findings } = await verify();
    assert.equal(verdict, 'verified');
    assert.deepEqual(
      findings.map(({ code, severity }) => [code, severity]),
      [['json-invalid', 'warning']],
    );
  });

  describe('and what is revoked since', () => {
    async function revoking(...entries: Parameters<typeof anEntry>): Promise<void> {
      const list = sandbox.path(`list-${++count}.json`);
      policyFile = policy('', `    revocations: { signed-by: revoker, file: ${list}, name: team }\n`);
      writeFileSync(list, await signedList(aList(1, { entries: entries.length === 0 ? [] : entries.map((entry) => anEntry(entry)) })));
    }

    it('is accepted where nothing of it is', async () => {
      await revoking();
      await summary({ inputs: [await inputBy(MAKER)] });
      assert.deepEqual((await verify()).findings, []);
    });

    it('rejects a summary from before the model was revoked', async () => {
      await revoking({ value: `sha256:${modelId}` });
      await summary({ inputs: [await inputBy(MAKER)] });
      const { verdict, findings } = await verify();
      assert.equal(verdict, 'rejected');
      assert.deepEqual(
        findings.map(({ code, severity }) => [code, severity]),
        [['revoked-model', 'rejected']],
      );
    });

    it('rejects a summary from before one of the files was revoked', async () => {
      await revoking({ value: `sha256:${sha256Hex(readFileSync(`${model}/weights.bin`))}` });
      await summary({ inputs: [await inputBy(MAKER)] });
      assert.deepEqual(
        (await verify()).findings.map(({ code, severity }) => [code, severity]),
        [['revoked-file', 'rejected']],
      );
    });

    it('rejects a summary from before something was revoked that the model was made from, though the rule asks for no lineage', async () => {
      const base = `sha256:${'9'.repeat(64)}`;
      await revoking({ value: base });
      await summary({ inputs: [await inputBy(MAKER)], ancestors: [{ name: 'base', digest: base }] });
      const { verdict, findings } = await verify();
      assert.equal(verdict, 'rejected');
      const found = findings.find(({ code }) => code === 'revoked-ancestor');
      assert.equal(found?.severity, 'rejected');
      assert.match(found?.message ?? '', /^this model was made from what is revoked: llama ← base: /);
    });

    it("rejects a summary from before the model's signer was revoked, also where that signature is hidden", async () => {
      const input = await inputBy(MAKER);
      await revoking({ kind: 'key', value: input.signer.key });
      await summary({ inputs: [input] });
      await signModel(model, { signer: await fixtureSigner('rsa-2048'), force: true });
      const { verdict, findings } = await verify();
      assert.equal(verdict, 'rejected');
      assert.ok(findings.some(({ code, severity }) => code === 'revoked-key' && severity === 'rejected'));
    });

    it('rejects a summary of a gatekeeper who is revoked', async () => {
      const { signer } = await inputBy(GATEKEEPER);
      await revoking({ kind: 'key', value: signer.key });
      await summary({ inputs: [await inputBy(MAKER)] });
      await rejects('revoked-key', /key that made this signature is revoked/);
    });

    it('rejects a summary from before an attestation was revoked that it was made with', async () => {
      const input = { sha256: 'a'.repeat(64), statement: 'b'.repeat(64), uri: 'approval.att' };
      await revoking({ kind: 'attestation', value: input.statement });
      await summary({ inputs: [await inputBy(MAKER), input] });
      const { verdict, findings } = await verify();
      assert.equal(verdict, 'rejected');
      assert.deepEqual(
        findings.filter(({ code }) => code === 'revoked-attestation').map(({ subject, severity }) => [subject, severity]),
        [['approval.att', 'rejected']],
      );
    });

    it('rejects a summary that is itself revoked', async () => {
      const file = await summary({ inputs: [await inputBy(MAKER)] }, undefined, sandbox.path(`${count}.att`));
      const bytes = readFileSync(file);
      await revoking({ kind: 'attestation', value: sha256Hex(parseBundle(bytes, file).envelope.payload) });
      const policy = `, policy: ${parseVsa(parseBundle(bytes, file).envelope.payload, file).policy.sha256}`;
      writeFileSync(policyFile, readFileSync(policyFile, 'utf8').replace('max-age: 7d', `max-age: 7d${policy}`));
      const { verdict, findings } = await verify({ summaries: [file] });
      assert.equal(verdict, 'rejected');
      assert.deepEqual(
        findings.filter(({ subject }) => subject === file).map(({ code }) => code),
        ['revoked-attestation'],
      );
    });

    it('rejects a summary that does not say who signed', async () => {
      await revoking();
      await summary();
      await rejects('vsa-signers-unknown', /whose signatures were verified/);
    });

    it('leaves it open where the list is gone', async () => {
      await revoking();
      await summary({ inputs: [await inputBy(MAKER)] });
      const { rules } = await loadPolicy(policyFile);
      const place = rules[0]?.revocations[0]?.place;
      assert.ok(place?.kind === 'file');
      rmSync(place.path);
      assert.equal((await verify()).verdict, 'undetermined');
    });
  });
});
