import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { parseKmsKey } from '../../src/aws/index.ts';
import { publicKeyHint } from '../../src/formats/index.ts';
import { kmsSigner, seal } from '../../src/sign/index.ts';
import { KmsTrust } from '../../src/verify/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { KmsBench } from '../helpers/kms.ts';
import { openWith, statementOf } from '../helpers/kms-suite.ts';

describe('trust in a KMS key', () => {
  let bench: KmsBench;
  before(async () => {
    bench = await KmsBench.start();
    bench.addPrincipal('weak', []);
  });
  afterEach(() => {
    bench.server.takeSeen();
    bench.server.faults.length = 0;
  });
  after(() => bench.stop());

  const trusting = (profile?: string) => new KmsTrust(() => bench.client({ profile }));

  it('asks once for each key, however often it is named', async () => {
    const [one, two] = [bench.server.account.addKey('ECC_NIST_P256'), bench.server.account.addKey('RSA_2048')];
    const kms = trusting();
    const [first, again, , pkcs1] = await Promise.all([
      kms.trust(one.arn),
      kms.trust(one.arn),
      kms.trust(two.arn),
      kms.trust(two.arn, 'rsa-pkcs1-sha256'),
    ]);
    assert.deepEqual(bench.server.takeSeen(), ['GetPublicKey', 'GetPublicKey']);
    const key = createPublicKey(one.privateKey ?? '');
    assert.ok(first?.key.equals(key));
    assert.equal(first?.hint, publicKeyHint(key));
    assert.equal(first?.where, one.arn);
    assert.equal(first?.scheme, 'ecdsa-p256-sha256');
    assert.equal(again?.hint, first?.hint);
    assert.equal(pkcs1?.scheme, 'rsa-pkcs1-sha256');
  });

  it('connects to the region of the key', async () => {
    const { arn } = bench.server.account.addKey('ECC_NIST_P256');
    const regions: unknown[] = [];
    const kms = new KmsTrust(({ region }) => {
      regions.push(region);
      return bench.client();
    });
    await kms.trust(arn);
    assert.deepEqual(regions, ['eu-central-1']);
  });

  for (const name of [
    'alias/models',
    '1234abcd-12ab-34cd-56ef-1234567890ab',
    'arn:aws:kms:eu-central-1:111122223333:alias/models',
    'models.pub',
  ]) {
    it(`does not believe ${name}`, async () => {
      await assert.rejects(
        trusting().trust(name),
        mlsignError('kms-arn-needed', 'a KMS key is trusted by its ARN alone', { outcome: 'usage', subject: name }),
      );
      assert.deepEqual(bench.server.takeSeen(), []);
    });
  }

  it('does not take the answer about another key', async () => {
    const [one, two] = [bench.server.account.addKey('ECC_NIST_P256'), bench.server.account.addKey('ECC_NIST_P256')];
    bench.server.fail('GetPublicKey', { kind: 'change', change: (answer) => ({ ...answer, KeyId: two.arn }) }, 1);
    await assert.rejects(
      trusting().trust(one.arn),
      mlsignError('kms-other-key', /another key/, { outcome: 'refused', expected: one.arn, got: two.arn }),
    );
  });

  it('says what is wrong with a key: state, usage, spec, scheme', async () => {
    const add = (spec: string, usage?: string) => bench.server.account.addKey(spec, usage);
    const [disabled, dying] = [add('ECC_NIST_P256'), add('ECC_NIST_P256')];
    disabled.state = 'Disabled';
    dying.state = 'PendingDeletion';
    for (const [{ arn }, code, outcome] of [
      [disabled, 'kms-key-disabled', 'unavailable'],
      [dying, 'kms-key-pending-deletion', 'unavailable'],
      [add('RSA_2048', 'ENCRYPT_DECRYPT'), 'kms-key-usage', 'refused'],
      [add('ECC_NIST_P256', 'KEY_AGREEMENT'), 'kms-key-usage', 'refused'],
      [add('SYMMETRIC_DEFAULT'), 'kms-key-usage', 'refused'],
      [add('ECC_SECG_P256K1'), 'kms-key-spec', 'refused'],
    ] as const) {
      await assert.rejects(trusting().trust(arn), mlsignError(code, /KMS key/, { outcome, subject: arn }), code);
    }
    await assert.rejects(
      trusting().trust(add('ECC_NIST_P256').arn, 'rsa-pss-sha256'),
      mlsignError('scheme-mismatch', /not a scheme of this key/),
    );
  });

  it('says which permission is missing', async () => {
    const { arn } = bench.server.account.addKey('ECC_NIST_P256');
    await assert.rejects(
      trusting('weak').trust(arn),
      mlsignError('kms-access-denied', 'AWS does not allow kms:GetPublicKey', {
        outcome: 'unavailable',
        subject: arn,
        expected: 'kms:GetPublicKey',
      }),
    );
  });

  it('says that it was throttled to the end', async () => {
    const { arn } = bench.server.account.addKey('ECC_NIST_P256');
    bench.server.fail('GetPublicKey', { kind: 'error', type: 'ThrottlingException' });
    await assert.rejects(
      trusting().trust(arn),
      mlsignError('aws-throttled', /kms:GetPublicKey was refused 5 times/, { outcome: 'unavailable' }),
    );
  });

  it('opens what the key signed, and nothing that another key did', async () => {
    const [one, two] = [bench.server.account.addKey('ECC_NIST_EDWARDS25519'), bench.server.account.addKey('ECC_NIST_EDWARDS25519')];
    const bundle = await seal(statementOf(60), await kmsSigner({ key: parseKmsKey(one.arn), client: bench.client() }));
    assert.deepEqual((await openWith(bundle, await trusting().trust(one.arn))).findings, []);
    const [finding] = (await openWith(bundle, await trusting().trust(two.arn))).findings;
    assert.equal(finding?.code, 'signer-untrusted');
  });
});
