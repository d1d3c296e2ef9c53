import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Verification, verifyModel } from '../../src/app/index.ts';
import { sha256Hex } from '../../src/core/index.ts';
import { type Approval, approvalPayload, predicatePayload, publicKeyHint } from '../../src/formats/index.ts';
import { attestationName } from '../../src/lineage/index.ts';
import { loadPolicy } from '../../src/policy/index.ts';
import { fixtureSigner, keyUrl } from '../helpers/keys.ts';
import { LineageFolder, type TestModel } from '../helpers/lineage.ts';
import { signedBytes } from '../helpers/releases.ts';
import { aList, anEntry, signedList } from '../helpers/revocations.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const DAY = 86_400_000;
const ago = (days: number) => new Date(NOW.getTime() - days * DAY);
const key = (name: string) => keyUrl(`${name}.pub`).pathname;
const EVALUATION = 'https://mlsign/evaluation/v1';
const TWO = '- { type: approval, role: security, signed-by: "2 of [alice, bob]" }';
const ONE = '- { type: approval, role: security, signed-by: alice, max-age: 30d }';
const METRIC = '- { type: evaluation, signed-by: alice, metrics: { accuracy: ">= 0.9" } }';

describe('required attestations', () => {
  const folder = new LineageFolder();
  let serial = 0;
  let model: TestModel;
  after(() => folder.remove());
  beforeEach(async () => {
    model = await folder.model(`model-${++serial}`);
  });

  function put(bytes: Uint8Array): string {
    mkdirSync(`${model.path}.mlsign`, { recursive: true });
    const path = join(`${model.path}.mlsign`, attestationName(sha256Hex(bytes)));
    writeFileSync(path, bytes);
    return path;
  }

  async function approve(by: string, fields: Partial<Approval> = {}): Promise<string> {
    const subject = { name: model.name, modelId: model.id };
    return put(await signedBytes(approvalPayload({ subject, role: 'security', issued: ago(1), ...fields }), by));
  }

  async function evaluate(predicate: string, by = 'ed25519'): Promise<string> {
    return put(await signedBytes(predicatePayload({ name: model.name, modelId: model.id }, EVALUATION, Buffer.from(predicate)), by));
  }

  async function verify(entries: string, more = ''): Promise<Verification> {
    const path = folder.path(`gate-${serial}.yaml`);
    writeFileSync(
      path,
      `version: 1
principals:
  trainer: { key: "${key('ec-p256')}" }
  alice: { trust: [{ key: "${key('ed25519')}" }, { key: "${key('ec-p521')}" }] }
  bob: { key: "${key('ec-p384')}" }
rules:
  - model: "**"
    signed-by: trainer
${more}    attestations:
      ${entries}
`
        .replace('{ trust: [{ key: ', '[{ key: ')
        .replace('}] }', '}]'),
    );
    return verifyModel(model.path, { policy: await loadPolicy(path), clock: () => NOW });
  }

  function codes({ verdict, findings }: Verification): readonly string[] {
    return [verdict, ...findings.filter(({ severity }) => severity !== 'warning').map(({ code }) => code)];
  }

  function reasons({ attestations = [] }: Verification): string {
    return attestations.flatMap(({ looked }) => looked.map(({ reason }) => reason ?? 'counted')).join('; ');
  }

  it('are met by approvals of different principals', async () => {
    await approve('ed25519');
    await approve('ec-p384');
    const verification = await verify(TWO);
    assert.deepEqual(codes(verification), ['verified']);
    assert.equal(reasons(verification), 'counted; counted');
    assert.ok(verification.checks.some(({ name, status }) => name === 'attestations' && status === 'passed'));
  });

  it('are missing where there are none, and no byte is read', async () => {
    const verification = await verify(TWO);
    assert.deepEqual(codes(verification), ['rejected', 'attestation-missing']);
    assert.match(verification.findings[0]?.message ?? '', /no approval for security that counts/);
    assert.equal(verification.findings[0]?.got, 'nobody; there is no such statement');
    assert.equal(verification.read, undefined);
  });

  it('count a principal with two keys once', async () => {
    await approve('ed25519');
    await approve('ec-p521');
    assert.deepEqual(codes(await verify(TWO)), ['rejected', 'attestation-signer-missing']);
  });

  it('are not met about another model, in another role or by somebody else', async () => {
    await approve('ed25519', { subject: { name: 'other', modelId: 'b'.repeat(64) } });
    await approve('ed25519', { role: 'legal' });
    await approve('ec-p384');
    await approve('ec-p256');
    const verification = await verify(ONE);
    assert.deepEqual(codes(verification), ['rejected', 'attestation-missing']);
    assert.match(reasons(verification), /about another model/);
    assert.match(reasons(verification), /another role: legal/);
  });

  it('say of each statement that does not count why, by the names of their files', async () => {
    const got = async (entries: string) => (await verify(entries)).findings.find(({ code }) => code.startsWith('attestation-'))?.got ?? '';
    const name = (path: string) => basename(path);
    const stranger = name(await approve('rsa-2048'));
    assert.equal(await got(ONE), `nobody; ${stranger}: the bundle is signed with a key that is not trusted`);
    const damaged = name(put(Buffer.from('{}')));
    assert.match(await got(ONE), new RegExp(`; ${damaged}: .*bundle`));
    await evaluate('{"metrics":{"accuracy":0.5}}', 'ec-p384');
    assert.doesNotMatch(await got(ONE), /evaluation|number/, 'statements of other types are not named');
    await evaluate('{"metrics":{"recall":0.5}}');
    assert.match(await got(METRIC), /: it gives no number for accuracy/);
    await approve('ed25519', { role: 'legal' });
    await approve('ed25519', { role: 'data' });
    assert.match(await got(ONE), /^nobody; .*: it is for another role: (?:legal|data); .*; and 1 more that do not count$/);
  });

  it('are not met by what has expired, is too old or from the future', async () => {
    await approve('ed25519', { issued: ago(3), expires: ago(1) });
    assert.deepEqual(codes(await verify(ONE)), ['rejected', 'attestation-too-old']);
    await approve('ed25519', { issued: ago(31) });
    assert.deepEqual(codes(await verify(ONE)), ['rejected', 'attestation-too-old']);
    await approve('ed25519', { issued: ago(-1) });
    const verification = await verify(ONE);
    assert.deepEqual(codes(verification), ['rejected', 'attestation-too-old']);
    assert.match(reasons(verification), /issued in the future/);
    await approve('ed25519', { issued: ago(29) });
    assert.deepEqual(codes(await verify(ONE)), ['verified']);
  });

  it('are not met by a revoked statement, however its bundle is written, nor by a revoked signer', async () => {
    const path = await approve('ed25519');
    const { payload } = JSON.parse(readFileSync(path, 'utf8')).dsseEnvelope;
    const value = sha256Hex(Buffer.from(payload, 'base64'));
    // The same signature, and other bytes around it.
    put(Buffer.concat([readFileSync(path), Buffer.from('\n')]));
    const list = folder.path(`revocations-${serial}.json`);
    const more = `    revocations: { file: "${list}", signed-by: bob, name: team }\n`;
    const write = async (kind: 'attestation' | 'identity' | 'key', entry: string) =>
      writeFileSync(
        list,
        await signedList(aList(1, { issued: ago(1), expires: ago(-9), entries: [anEntry({ kind, value: entry, added: ago(1) })] })),
      );
    await write('identity', 'nobody@example.com');
    assert.deepEqual(codes(await verify(ONE, more)), ['verified']);
    await write('attestation', value);
    const verification = await verify(ONE, more);
    assert.deepEqual(codes(verification), ['rejected', 'attestation-missing']);
    assert.equal(verification.findings.filter(({ code }) => code === 'revoked-attestation').length, 2);
    await write('key', publicKeyHint((await fixtureSigner('ed25519')).publicKey));
    const { findings } = await verify(ONE, more);
    assert.ok(findings.some(({ code }) => code === 'attestation-missing'));
    assert.ok(findings.some(({ code }) => code === 'revoked-key'));
  });

  it('hold evaluations to their bounds, the newest of each signer', async () => {
    await evaluate(JSON.stringify({ issued: ago(5).toISOString(), metrics: { accuracy: 0.95 } }));
    assert.deepEqual(codes(await verify(METRIC)), ['verified']);
    await evaluate(JSON.stringify({ issued: ago(2).toISOString(), metrics: { accuracy: 0.5 } }));
    const worse = await verify(METRIC);
    assert.deepEqual(codes(worse), ['rejected', 'metric-not-met']);
    assert.equal(worse.findings.find(({ code }) => code === 'metric-not-met')?.got, '0.5');
    await evaluate(JSON.stringify({ issued: ago(1).toISOString(), metrics: { accuracy: 0.9 } }));
    assert.deepEqual(codes(await verify(METRIC)), ['verified']);
    // When this one was made nobody knows: it may be the newest.
    await evaluate(JSON.stringify({ metrics: { accuracy: 0.1 } }));
    assert.deepEqual(codes(await verify(METRIC)), ['rejected', 'metric-not-met']);
  });

  for (const [what, predicate] of Object.entries({
    'a string': '{"metrics":{"accuracy":"0.99"}}',
    infinity: '{"metrics":{"accuracy":1e999}}',
    NaN: '{"metrics":{"accuracy":NaN}}',
    'two values': '{"metrics":{"accuracy":0.1,"accuracy":0.99}}',
    'no such metric': '{"metrics":{}}',
  })) {
    it(`do not take ${what} for a number`, async () => {
      await evaluate(predicate);
      assert.deepEqual(codes(await verify(METRIC)), ['rejected', 'attestation-missing']);
    });
  }

  it('do not wait for pipes, and take a link for what it leads to: its signature is what counts', async () => {
    const path = await approve('ed25519');
    const bytes = readFileSync(path);
    execFileSync('rm', [path]);
    writeFileSync(folder.path('elsewhere'), bytes);
    symlinkSync(folder.path('elsewhere'), path);
    execFileSync('mkfifo', [join(`${model.path}.mlsign`, 'pipe.att')]);
    const verification = await verify(ONE);
    assert.deepEqual(codes(verification), ['verified']);
    assert.ok(verification.findings.some(({ severity, subject }) => severity === 'warning' && subject?.endsWith('pipe.att')));
    execFileSync('rm', [folder.path('elsewhere')]);
    assert.notEqual((await verify(ONE)).verdict, 'verified');
  });

  it('stay open where there are too many to look at', async () => {
    mkdirSync(`${model.path}.mlsign`, { recursive: true });
    for (let i = 0; i < 300; i++) writeFileSync(join(`${model.path}.mlsign`, `0${String(i).padStart(5, '0')}.att`), '{}');
    const verification = await verify(ONE);
    assert.deepEqual(codes(verification), ['undetermined', 'attestation-missing']);
    assert.ok(verification.findings.some(({ code }) => code === 'too-many-attestations'));
  });

  it('refuse old signatures, and those of unknown age', async () => {
    await approve('ed25519');
    const verification = await verify(ONE, '    require: { max-age: 90d }\n');
    assert.deepEqual(codes(verification).slice(0, 2), ['rejected', 'signature-too-old']);
  });
});
