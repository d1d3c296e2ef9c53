import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { DEFAULT_RETRIES, KMS_SPECS, parseKmsKey } from '../../src/aws/index.ts';
import { PAYLOAD_TYPE, preAuthEncoding, serializeBundle } from '../../src/formats/index.ts';
import { policyFromFlags } from '../../src/policy/index.ts';
import { kmsSigner, seal } from '../../src/sign/index.ts';
import { openBundle } from '../../src/verify/index.ts';
import { fixtureSigner, HAS_ML_DSA, keyFile, mlsignError } from '../helpers/keys.ts';
import { KmsBench } from '../helpers/kms.ts';
import { statementOf } from '../helpers/kms-suite.ts';

const SMALL = statementOf(1);
const LARGE = statementOf(60);

describe('a signer in KMS', () => {
  let bench: KmsBench;
  before(async () => {
    bench = await KmsBench.start();
    bench.addPrincipal('signer', ['kms:Sign']);
  });
  afterEach(() => {
    bench.server.takeSeen();
    bench.server.faults.length = 0;
    bench.retries.length = 0;
  });
  after(() => bench.stop());

  const addKey = (spec = 'ECC_NIST_P256', usage?: string) => {
    const key = bench.server.account.addKey(spec, usage);
    const pem = () =>
      createPublicKey(key.privateKey ?? '')
        .export({ type: 'spki', format: 'pem' })
        .toString();
    return { ...key, key: parseKmsKey(key.arn), pem, stored: key };
  };

  it('asks for the public key once, and once for each signature', async () => {
    const { key } = addKey();
    const signer = await kmsSigner({ key, client: bench.client() });
    await seal(SMALL, signer);
    await seal(LARGE, signer);
    assert.deepEqual(bench.server.takeSeen(), ['GetPublicKey', 'Sign', 'Sign']);
  });

  for (const spec of KMS_SPECS) {
    it(`${spec}: a pinned key needs kms:Sign alone, and no other call`, async function () {
      if (spec.startsWith('ML_DSA') && !HAS_ML_DSA) this.skip();
      const { key, pem } = addKey(spec);
      const publicKey = { pem: pem(), where: 'models.pub' };
      const signer = await kmsSigner({ key, client: bench.client({ profile: 'signer' }), publicKey });
      await seal(SMALL, signer);
      await seal(LARGE, signer);
      assert.deepEqual(bench.server.takeSeen(), ['Sign', 'Sign']);
    }).timeout(60_000);
  }

  it('never sends more than KMS takes, nor anything but a digest of what is longer', async () => {
    for (const spec of KMS_SPECS.filter((name) => HAS_ML_DSA || !name.startsWith('ML_DSA'))) {
      const { key } = addKey(spec);
      await seal(LARGE, await kmsSigner({ key, client: bench.client() }));
    }
    for (const { operation, body } of bench.server.seen) {
      if (operation !== 'Sign') continue;
      assert.ok(Buffer.from(String(body.Message), 'base64').length <= 64);
      assert.deepEqual(Object.keys(body).sort(), ['KeyId', 'Message', 'MessageType', 'SigningAlgorithm']);
    }
  });

  it('asks for the key by the name that it was given, so that conditions on aliases hold', async () => {
    const { id } = addKey();
    bench.server.account.aliases.set('alias/models', id);
    await seal(SMALL, await kmsSigner({ key: parseKmsKey('alias/models'), client: bench.client() }));
    assert.deepEqual(
      bench.server.seen.map(({ body }) => body.KeyId),
      ['alias/models', 'alias/models'],
    );
  });

  it('a pinned key that is another one makes no signature', async () => {
    const { key } = addKey();
    const publicKey = { pem: keyFile('ec-p256.pub'), where: 'ec-p256.pub' };
    const signer = await kmsSigner({ key, client: bench.client(), publicKey });
    await assert.rejects(
      seal(SMALL, signer),
      mlsignError('signer-mismatch', /does not verify with the public key/, { outcome: 'refused' }),
    );
  });

  it('a pinned key of another kind is refused by KMS', async () => {
    const { key } = addKey('ECC_NIST_P384');
    const signer = await kmsSigner({ key, client: bench.client(), publicKey: { pem: keyFile('ec-p256.pub'), where: 'ec-p256.pub' } });
    await assert.rejects(seal(SMALL, signer), mlsignError('kms-key-usage', /not for signing, or not in this way/, { outcome: 'refused' }));
  });

  it('a pinned file must be a public key', async () => {
    const { key } = addKey();
    const pin = (name: string) => kmsSigner({ key, client: bench.client(), publicKey: { pem: keyFile(name), where: name } });
    await assert.rejects(pin('ec-p256.key'), mlsignError('key-is-private', /private key/));
    await assert.rejects(pin('ec-secp256k1.pub'), mlsignError('key-unsupported', /not accepted/));
    await assert.rejects(pin('rsa-1024.pub'), mlsignError('key-unsupported', /RSA of 1024 bits/));
    assert.deepEqual(bench.server.takeSeen(), []);
  });

  it('a signature for other bytes, or by another key, is not believed', async () => {
    for (const [spec, form] of [
      ['ECC_NIST_P256', (data: Uint8Array, key: ReturnType<typeof addKey>) => sign('sha256', data, key.privateKey ?? '')],
      ['ECC_NIST_EDWARDS25519', (data: Uint8Array, key: ReturnType<typeof addKey>) => sign(null, data, key.privateKey ?? '')],
      ['ECC_NIST_P256', (data: Uint8Array) => sign('sha256', data, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)],
      ['ECC_NIST_P256', () => Buffer.alloc(0)],
    ] as const) {
      const key = addKey(spec);
      const signer = await kmsSigner({ key: key.key, client: bench.client() });
      const Signature = form(Buffer.from('something else'), key).toString('base64');
      bench.server.fail('Sign', { kind: 'change', change: (answer) => ({ ...answer, Signature }) }, 1);
      await assert.rejects(seal(LARGE, signer), mlsignError('signer-mismatch', /does not verify/, { outcome: 'refused' }));
    }
  });

  it('an answer about another key is refused, as is an alias that was pointed elsewhere meanwhile', async () => {
    const [one, two] = [addKey(), addKey()];
    bench.server.account.aliases.set('alias/moving', one.id);
    const signer = await kmsSigner({ key: parseKmsKey('alias/moving'), client: bench.client() });
    bench.server.account.aliases.set('alias/moving', two.id);
    await assert.rejects(
      seal(SMALL, signer),
      mlsignError('kms-other-key', 'the answer is about another key than the one that was named', {
        outcome: 'refused',
        expected: one.arn,
        got: two.arn,
      }),
    );
    for (const operation of ['GetPublicKey', 'Sign'] as const) {
      bench.server.fail(operation, { kind: 'change', change: (answer) => ({ ...answer, KeyId: two.arn }) }, 1);
      const work = async () => seal(SMALL, await kmsSigner({ key: one.key, client: bench.client() }));
      await assert.rejects(work(), mlsignError('kms-other-key', /another key/, { expected: one.arn, got: two.arn }), operation);
    }
  });

  it('a public key that does not go with its description is refused', async () => {
    const { key } = addKey();
    const change = (fields: object) =>
      bench.server.fail('GetPublicKey', { kind: 'change', change: (answer) => ({ ...answer, ...fields }) }, 1);
    for (const [fields, code] of [
      [{ KeySpec: 'ECC_SECG_P256K1' }, 'kms-key-spec'],
      [{ KeySpec: undefined }, 'kms-key-spec'],
      [{ SigningAlgorithms: ['ECDSA_SHA_384'] }, 'kms-key-spec'],
      [{ SigningAlgorithms: undefined }, 'kms-key-spec'],
      [{ KeyUsage: 'ENCRYPT_DECRYPT' }, 'kms-key-usage'],
      [{ KeyUsage: undefined }, 'kms-key-usage'],
      [{ PublicKey: Buffer.from('no key').toString('base64') }, 'pem-malformed'],
      [{ PublicKey: keyDer('ec-secp256k1.pub') }, 'key-unsupported'],
      [{ PublicKey: keyDer('rsa-1024.pub') }, 'key-unsupported'],
      [{ PublicKey: keyDer('rsa-2048.pub') }, 'kms-key-spec'],
    ] as const) {
      change(fields);
      await assert.rejects(
        kmsSigner({ key, client: bench.client() }),
        mlsignError(code, /./, { outcome: 'refused' }),
        JSON.stringify(fields),
      );
    }
  });

  for (const [spec, usage, code] of [
    ['ECC_SECG_P256K1', 'SIGN_VERIFY', 'kms-key-spec'],
    ['ECC_NIST_P256', 'KEY_AGREEMENT', 'kms-key-usage'],
    ['RSA_2048', 'ENCRYPT_DECRYPT', 'kms-key-usage'],
    ['SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT', 'kms-key-usage'],
  ] as const) {
    it(`a key of ${spec} for ${usage} is refused`, async () => {
      const { key } = addKey(spec, usage);
      await assert.rejects(kmsSigner({ key, client: bench.client() }), mlsignError(code, /KMS key/, { outcome: 'refused' }));
      const publicKey = { pem: keyFile('ec-p256.pub'), where: 'ec-p256.pub' };
      const pinned = await kmsSigner({ key, client: bench.client(), publicKey });
      if (spec === 'ECC_SECG_P256K1') await assert.rejects(seal(SMALL, pinned), mlsignError('signer-mismatch', /does not verify/));
      else await assert.rejects(seal(SMALL, pinned), mlsignError('kms-key-usage', /not for signing/, { outcome: 'refused' }));
    });
  }

  it('a new grant has time to settle; who has none is told which permission is missing', async () => {
    const { key } = addKey();
    const signer = await kmsSigner({ key, client: bench.client() });
    bench.server.fail('Sign', { kind: 'error', type: 'AccessDeniedException', message: 'not yet' }, 2);
    await seal(SMALL, signer);
    assert.deepEqual(
      bench.retries.map(({ action, reason }) => `${action} ${reason}`),
      Array(2).fill('kms:Sign AccessDeniedException'),
    );
    bench.server.fail('Sign', { kind: 'error', type: 'AccessDeniedException', message: 'not at all' }, DEFAULT_RETRIES.settlingAttempts);
    await assert.rejects(seal(SMALL, signer), mlsignError('kms-access-denied', 'AWS does not allow kms:Sign', { outcome: 'unavailable' }));
  });

  it('throttling passes', async () => {
    const { key } = addKey();
    const signer = await kmsSigner({ key, client: bench.client() });
    bench.server.fail('Sign', { kind: 'error', type: 'ThrottlingException', message: 'Rate exceeded' }, 4);
    await seal(SMALL, signer);
    assert.equal(bench.retries.length, 4);
  });

  it('makes no signature once it is interrupted', async () => {
    const { key } = addKey();
    const signer = await kmsSigner({ key, client: bench.client() });
    bench.server.takeSeen();
    await assert.rejects(seal(SMALL, signer, { signal: AbortSignal.abort() }), mlsignError('interrupted', 'interrupted'));
    assert.deepEqual(bench.server.takeSeen(), []);
  });

  it('tells an Ed25519 signature in the form of KMS from a pure one', async () => {
    const { key, pem } = addKey('ECC_NIST_EDWARDS25519');
    const signer = await kmsSigner({ key, client: bench.client() });
    const { principals } = policyFromFlags({ trustKeys: [{ pem: pem(), where: 'models.pub' }] });
    const open = async (payload: Uint8Array) => {
      const bytes = Buffer.from(serializeBundle(await seal(payload, signer)));
      return openBundle(bytes, 'model.sig', principals, { now: new Date(), allowLegacy: false });
    };
    assert.deepEqual((await open(SMALL)).findings, []);
    const [finding] = (await open(LARGE)).findings;
    assert.equal(finding?.code, 'signature-invalid');
    assert.match(finding?.suggestion ?? '', /scheme: ed25519-kms/);
  });

  it('signs ML-DSA so that any verifier of pure ML-DSA accepts it', async function () {
    if (!HAS_ML_DSA) this.skip();
    const { key } = addKey('ML_DSA_65');
    const signer = await kmsSigner({ key, client: bench.client() });
    const { envelope } = await seal(LARGE, signer);
    assert.equal(verify(null, preAuthEncoding(PAYLOAD_TYPE, LARGE), signer.publicKey, envelope.signature), true);
  });

  it('describes itself as a local signer of the same key does, and names the key', async () => {
    const { key, arn } = addKey();
    const { description, material, scheme } = await kmsSigner({ key, client: bench.client() });
    const local = await fixtureSigner('ec-p256');
    assert.equal(scheme, local.scheme);
    assert.equal(material.kind, 'key');
    assert.match(description, new RegExp(`^ECDSA P-256 with SHA-256, key [0-9a-f]{16}, AWS KMS ${arn}$`));
  });
});

function keyDer(name: string): string {
  return createPublicKey(keyFile(name)).export({ type: 'spki', format: 'der' }).toString('base64');
}
