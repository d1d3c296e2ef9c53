import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { sha256Hex } from '../../src/core/index.ts';
import { parseBundle, parseVsa } from '../../src/formats/index.ts';
import { keyPath, StoredModels, signingAs, TRAINER } from '../helpers/stored-models.ts';
import { writeSummary } from '../helpers/summaries.ts';

const GATE = 'ed25519';
const UPSTREAM = 'ec-p521';
const REVOKER = 'ec-p384';
const VERIFIER = 'https://example.com/gate';

describe('a verification summary of a model with ancestors', () => {
  let models: StoredModels;
  let model: string;
  let summary: string;
  let baseFile: string;
  let list: readonly string[];

  const key = (name: string) => `{ key: ${keyPath(`${name}.pub`)} }`;

  beforeEach(async () => {
    models = new StoredModels();
    const { sandbox } = models;
    list = ['--revocations', sandbox.path('team.json'), '--trust-revoker', keyPath(`${REVOKER}.pub`)];
    const base = sandbox.write('disk/base', { 'weights.safetensors': 'base' });
    baseFile = sha256Hex(readFileSync(`${base}/weights.safetensors`));
    model = sandbox.write('disk/lora', { 'adapter_model.safetensors': 'lora' });
    await done('sign', base, ...signingAs(UPSTREAM));
    await done('sign', model, ...signingAs(TRAINER));
    const how = ['--base', base, '--relation', 'adapter', '--builder', 'https://ci.example/train'];
    await done('attest', model, ...how, ...signingAs('rsa-2048'));
    await done('revoke', '--init', ...list, ...signingAs(REVOKER));
    const principals = `version: 1
principals:
  trainer: ${key(TRAINER)}
  lineage: ${key('rsa-2048')}
  upstream: ${key(UPSTREAM)}
  gate: ${key(GATE)}
  revoker: ${key(REVOKER)}
revocations: { signed-by: revoker, file: team.json }
rules:
`;
    const gate = sandbox.path('gate.yaml');
    writeFileSync(
      gate,
      `${principals}  - model: disk/*
    signed-by: trainer
    formats: any
    lineage: { model: { signed-by: lineage }, base-model: { signed-by: upstream } }
`,
    );
    writeFileSync(
      sandbox.path('deploy.yaml'),
      `${principals}  - model: disk/*
    signed-by: gate
    formats: any
    vsa: { signed-by: gate, verifier: "${VERIFIER}", max-age: 7d, policy: ${sha256Hex(readFileSync(gate))} }
`,
    );
    summary = sandbox.path('gate.att');
    await done('verify', model, '--policy', gate, '--report', `vsa=${summary}`, '--verifier', VERIFIER, ...signingAs(GATE));
    rmSync(base, { recursive: true });
    rmSync(`${model}.mlsign`, { recursive: true });
  });
  afterEach(() => models.remove());

  async function done(...args: readonly string[]): Promise<void> {
    const { code, stdout, stderr } = await models.run(...args, '--json');
    assert.equal(code, 0, stderr + stdout);
  }

  const revoke = (target: string) => done('revoke', target, '--reason', 'found out', ...list, ...signingAs(REVOKER));

  async function deploy() {
    const { stdout, stderr } = await models.run(
      'verify',
      model,
      '--policy',
      models.sandbox.path('deploy.yaml'),
      '--vsa',
      summary,
      '--json',
    );
    assert.notEqual(stdout, '', stderr);
    const { verdict, findings } = JSON.parse(stdout);
    return { verdict, findings: findings as { code: string; message: string; got?: string; severity: string }[] };
  }

  async function refuses(code: string, message: RegExp, got?: string): Promise<void> {
    const { verdict, findings } = await deploy();
    const found = findings.find((finding) => finding.code === code);
    assert.deepEqual([verdict, found?.severity], ['rejected', 'rejected'], JSON.stringify(findings));
    assert.match(found?.message ?? '', message);
    if (got !== undefined) assert.equal(found?.got, got);
  }

  it('is accepted while nothing of them is revoked, also where they are no longer there', async () => {
    assert.equal((await deploy()).verdict, 'verified');
    await done('revoke', '--renew', ...list, ...signingAs(REVOKER));
    await revoke('somebody@example.com');
    assert.equal((await deploy()).verdict, 'verified', 'an identity that signed nothing here');
  });

  it('is not accepted once the signer of a base is revoked', async () => {
    await revoke(keyPath(`${UPSTREAM}.pub`));
    await refuses('revoked-key', /^the key that made this signature is revoked: found out$/);
  });

  it('is not accepted once the signer of the provenance is revoked, nor once what they say is', async () => {
    await revoke(keyPath('rsa-2048.pub'));
    await refuses('revoked-key', /^the key that made this signature is revoked/);
  });

  it('is not accepted once the provenance is revoked', async () => {
    const { inputs } = parseVsa(parseBundle(readFileSync(summary), summary).envelope.payload, summary);
    const said = inputs.flatMap(({ statement }) => statement ?? []);
    assert.equal(said.length, 1);
    await revoke(`attestation:${said[0]}`);
    await refuses('revoked-attestation', /^this statement is revoked/);
  });

  it('is not accepted once any file is revoked: it may be one of a base', async () => {
    await revoke(`sha256:${baseFile}`);
    await refuses('vsa-ancestors-unknown', /^digests were revoked that the gatekeeper did not know of/, `sha256:${baseFile}`);
    await revoke(`sha256:${'0'.repeat(64)}`);
    await refuses('vsa-ancestors-unknown', /whether a file of what the model was made from has one/, `sha256:${baseFile} and 1 more`);
  });

  it('is accepted where the gatekeeper knew of the digest, by a list of the same name', async () => {
    await revoke(`sha256:${'0'.repeat(64)}`);
    const made = parseVsa(parseBundle(readFileSync(summary), summary).envelope.payload, summary);
    const later = new Date(Date.now() + 1000);
    await writeSummary(summary, { ...made, revocations: [{ name: 'team', issued: later }] }, GATE);
    assert.equal((await deploy()).verdict, 'verified');
    await writeSummary(summary, { ...made, revocations: [{ name: 'others', issued: later }] }, GATE);
    await refuses('vsa-ancestors-unknown', /did not know of/);
  });

  it('is not accepted where it was made before summaries named the signers of ancestors', async () => {
    const { revocations, ...before } = parseVsa(parseBundle(readFileSync(summary), summary).envelope.payload, summary);
    assert.deepEqual(
      revocations?.map(({ name }) => name),
      ['team'],
    );
    await writeSummary(summary, before, GATE);
    await refuses('vsa-signers-unknown', /does not say whose signatures were over what the model was made from/);
    const { ancestors, ...alone } = before;
    assert.equal(ancestors?.length, 1);
    await writeSummary(summary, alone, GATE);
    assert.equal((await deploy()).verdict, 'verified', 'of a model whose ancestors nobody followed nothing is missing');
  });
});
