import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '../../src/core/index.ts';
import { keyPath, RELEASER, StoredModels, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

describe('mlsign revoke, of what is signed', () => {
  let models: StoredModels;
  let model: string;
  let policy: string;
  let list: readonly string[];

  beforeEach(async () => {
    models = new StoredModels();
    model = models.sandbox.write('disk/llama', { 'config.json': '{}' });
    list = ['--revocations', models.sandbox.path('team.json'), '--trust-revoker', keyPath('ec-p384.pub')];
    policy = models.sandbox.path('policy.yaml');
    writeFileSync(
      policy,
      `version: 1
principals:
  trainer: { key: ${keyPath(`${TRAINER}.pub`)} }
  releaser: { key: ${keyPath(`${RELEASER}.pub`)} }
  security: { key: ${keyPath('ec-p384.pub')} }
revocations: { signed-by: security, file: team.json }
rules:
  - model: disk/*
    signed-by: trainer
    attestations: [{ type: approval, role: legal, signed-by: releaser }]
`,
    );
    await done('revoke', '--init', ...list, ...signingAs('ec-p384'));
    await done('sign', model, ...signingAs(TRAINER));
    await done('approve', model, '--role', 'legal', ...signingAs(RELEASER));
  });
  afterEach(() => models.remove());

  async function done(...args: readonly string[]) {
    const { code, stdout, stderr } = await models.run(...args, '--json');
    assert.equal(code, 0, stderr + stdout);
    return JSON.parse(stdout);
  }

  const revoke = (target: string) => models.run('revoke', target, '--reason', 'hurried', ...list, ...signingAs('ec-p384'), '--json');

  async function revoked(target: string): Promise<{ readonly kind: string; readonly value: string }> {
    const { code, stdout } = await revoke(target);
    assert.equal(code, 0, stdout);
    return JSON.parse(stdout).entry;
  }

  async function refuses(path: string, message: RegExp, expected: RegExp): Promise<void> {
    const { code, stdout } = await revoke(path);
    const error = JSON.parse(stdout);
    assert.deepEqual([code, error.code, error.subject], [2, 'target-not-revocable', path], error.message);
    assert.match(error.message, message);
    assert.match(error.expected, expected);
  }

  const approval = () => join(`${model}.mlsign`, readdirSync(`${model}.mlsign`).find((name) => name.endsWith('.att')) ?? '');
  const statementOf = (path: string) => sha256Hex(Buffer.from(JSON.parse(readFileSync(path, 'utf8')).dsseEnvelope.payload, 'base64'));

  async function findings(...args: readonly string[]) {
    const { code, stdout, stderr } = await models.run('verify', ...args, '--json');
    assert.notEqual(stdout, '', stderr);
    const found: { code: string; severity: string; message: string; subject: string; suggestion?: string }[] = JSON.parse(stdout).findings;
    return { code, codes: found.map((finding) => finding.code), revoked: found.find((finding) => finding.code === 'revoked-attestation') };
  }

  it('takes an attestation by what it says, whatever its file is called', async () => {
    assert.deepEqual((await findings(model, '--policy', policy)).codes, []);
    const other = models.sandbox.path('approval.json');
    copyFileSync(approval(), other);
    const entry = await revoked(other);
    assert.deepEqual([entry.kind, entry.value], ['attestation', statementOf(other)]);
    // The same statement, and another file.
    appendFileSync(approval(), '\n');
    const { code, codes, revoked: finding } = await findings(model, '--policy', policy);
    assert.deepEqual([code, codes], [1, ['attestation-missing', 'revoked-attestation']]);
    assert.match(finding?.message ?? '', /^this statement is revoked, and counts for nothing: hurried$/);
    assert.equal(finding?.suggestion, 'have the model looked at, and attested or approved again');
  });

  it('takes whoever names the digest of its file at their word, and says what to revoke instead', async () => {
    const path = approval();
    const entry = await revoked(`sha256:${sha256Hex(readFileSync(path))}`);
    assert.equal(entry.kind, 'digest');
    const { code, codes, revoked: finding } = await findings(model, '--policy', policy);
    assert.deepEqual([code, codes, finding?.severity], [1, ['attestation-missing', 'revoked-attestation'], 'warning']);
    assert.ok(finding?.suggestion?.includes(`mlsign revoke attestation:${statementOf(path)}`), finding?.suggestion);
    appendFileSync(path, '\n');
    assert.deepEqual((await findings(model, '--policy', policy)).codes, [], 'another file is not named');
    await revoked(`attestation:${statementOf(path)}`);
    assert.equal((await findings(model, '--policy', policy)).code, 1);
  });

  it('lets a signature, a record and a pointer not count whose file is named by its digest', async () => {
    const signature = join(model, 'model.sig');
    await revoked(`sha256:${sha256Hex(readFileSync(signature))}`);
    const { code, codes, revoked: finding } = await findings(model, '--policy', policy);
    assert.deepEqual([code, codes, finding?.severity], [1, ['revoked-attestation', 'signer-missing'], 'rejected']);
    assert.equal(finding?.subject, signature);
    await models.push('qwen');
    await models.promote(1, new Date(), 30, 'production', 'qwen');
    const verify = (reference: string) => findings(`${models.url('qwen')}@${reference}`, ...TRUST, ...list);
    assert.equal((await verify('production')).code, 0);
    const [pointer] = await models.versions('qwen/.mlsign/channels/production.json');
    await revoked(`sha256:${sha256Hex(pointer ?? Buffer.alloc(0))}`);
    assert.deepEqual([(await verify('production')).code, (await verify('1')).code], [1, 0]);
    const [record] = await models.versions('qwen/.mlsign/releases/1.json');
    await revoked(`sha256:${sha256Hex(record ?? Buffer.alloc(0))}`);
    const after = await verify('1');
    assert.deepEqual([after.code, after.codes.includes('revoked-attestation')], [1, true]);
  });

  it('refuses files that are not revoked by themselves, and says what is', async () => {
    await models.push('qwen');
    await models.promote(1, new Date(), 30, 'production', 'qwen');
    const records = join(models.root, 'qwen/.mlsign');
    await refuses(
      join(model, 'model.sig'),
      /^this is the signature of a model, which is not revoked by itself$/,
      /^the model, by its path or id/,
    );
    await refuses(join(records, 'releases/1.json'), /the record of a release/, /^the release/);
    await refuses(join(records, 'channels/production.json'), /the pointer of a channel/, /^the release that it points to/);
    await refuses(models.sandbox.path('team.json'), /a revocation list/, /^what is to be revoked/);
    const damaged = `${approval()}.att`;
    renameSync(approval(), damaged);
    writeFileSync(damaged, '{}');
    const { code, stdout } = await revoke(damaged);
    assert.deepEqual([code, JSON.parse(stdout).code], [1, 'bundle-malformed']);
    const file = models.sandbox.path('weights.json');
    writeFileSync(file, '{}');
    assert.equal((await revoked(file)).kind, 'digest', 'whatever is no bundle is a model');
  });
});
