import assert from 'node:assert/strict';
import { createHash, createPublicKey, randomUUID } from 'node:crypto';
import { createKey, type KmsClient, type KmsSpec, parseKmsKey } from '../../src/aws/index.ts';
import { type Bundle, isPrehashed, type SchemeName, serializeBundle, statementPayload } from '../../src/formats/index.ts';
import type { KeyTrust } from '../../src/policy/index.ts';
import { kmsSigner, seal } from '../../src/sign/index.ts';
import { KmsTrust, openBundle } from '../../src/verify/index.ts';
import { mlsignError } from './keys.ts';

/** A KMS that the suite runs against, and what it can do of what AWS does. */
export interface KmsTarget {
  readonly client: KmsClient;
  readonly specs: readonly KmsSpec[];
  /** Whether it signs with ED25519_PH_SHA_512. */
  readonly prehash: boolean;
}

const SCHEMES: Readonly<Record<KmsSpec, SchemeName>> = {
  ECC_NIST_P256: 'ecdsa-p256-sha256',
  ECC_NIST_P384: 'ecdsa-p384-sha384',
  ECC_NIST_P521: 'ecdsa-p521-sha512',
  RSA_2048: 'rsa-pss-sha256',
  RSA_3072: 'rsa-pss-sha256',
  RSA_4096: 'rsa-pss-sha256',
  ECC_NIST_EDWARDS25519: 'ed25519-kms',
  ML_DSA_44: 'ml-dsa-44',
  ML_DSA_65: 'ml-dsa-65',
  ML_DSA_87: 'ml-dsa-87',
};

/** A statement whose encoding is longer than the 4,096 bytes that KMS takes, or not. */
export function statementOf(files: number): Uint8Array {
  const resources = Array.from({ length: files }, (_, index) => ({
    name: `weights-${String(index).padStart(5, '0')}.safetensors`,
    digest: createHash('sha256').update(String(index)).digest('hex'),
  }));
  const serialization = { method: 'files', hashType: 'sha256', allowSymlinks: false, ignorePaths: [] } as const;
  return statementPayload('model', { serialization, resources });
}

/** What a verifier who trusts a key makes of a bundle. */
export async function openWith(bundle: Bundle, trust: KeyTrust) {
  const bytes = Buffer.from(serializeBundle(bundle));
  return openBundle(bytes, 'model.sig', [{ name: 'kms', trust: [trust] }], { now: new Date(), allowLegacy: false });
}

/**
 * What must hold of signing with KMS, whoever speaks its protocol: every key spec from a new key to a verified bundle, small
 * and large, by every name that a key has; and what is refused.
 */
export function kmsSuite(title: string, target: () => KmsTarget): void {
  describe(title, () => {
    const name = () => `alias/mlsign-test-${randomUUID()}`;
    const make = (spec: KmsSpec, alias = name()) =>
      createKey(target().client, { spec, alias, description: 'test only', tags: { made: 'by a test' }, signers: [] });

    for (const [spec, scheme] of Object.entries(SCHEMES) as [KmsSpec, SchemeName][]) {
      it(`signs with ${spec} what a verifier with the key's ARN, or its public key, accepts`, async function () {
        const { client, specs, prehash } = target();
        if (!specs.includes(spec)) this.skip();
        const { arn } = await make(spec);
        const signer = await kmsSigner({ key: parseKmsKey(arn), client });
        assert.equal(signer.scheme, scheme);
        const trust = await new KmsTrust(() => client).trust(arn);
        assert.equal(trust.scheme, scheme);
        assert.ok(trust.key.equals(signer.publicKey));
        for (const files of [1, 60]) {
          const payload = statementOf(files);
          if (isPrehashed(scheme, payload) && !prehash) continue;
          const bundle = await seal(payload, signer);
          const { verified, findings } = await openWith(bundle, trust);
          assert.deepEqual(findings, []);
          assert.equal(verified?.signer.scheme, scheme);
          assert.equal(verified?.signer.hint, trust.hint);
          const forged = { ...bundle, envelope: { ...bundle.envelope, payload: statementOf(files + 1) } };
          assert.deepEqual(
            (await openWith(forged, trust)).findings.map(({ code }) => code),
            ['signature-invalid'],
          );
        }
      }).timeout(60_000);
    }

    it('signs with RSA PKCS#1 v1.5 where that is asked for', async function () {
      const { client, specs } = target();
      if (!specs.includes('RSA_2048')) this.skip();
      const { arn } = await make('RSA_2048');
      const signer = await kmsSigner({ key: parseKmsKey(arn), client, rsaPadding: 'pkcs1' });
      assert.equal(signer.scheme, 'rsa-pkcs1-sha256');
      const trust = new KmsTrust(() => client);
      const bundle = await seal(statementOf(60), signer);
      assert.deepEqual((await openWith(bundle, await trust.trust(arn, 'rsa-pkcs1-sha256'))).findings, []);
      const [finding] = (await openWith(bundle, await trust.trust(arn))).findings;
      assert.equal(finding?.code, 'signature-invalid');
      assert.match(finding?.suggestion ?? '', /scheme: rsa-pkcs1-sha256/);
    });

    it('finds a key by its id, ARN, alias, the ARN of the alias, and as URI', async () => {
      const { client } = target();
      const alias = name();
      const { arn } = await make('ECC_NIST_P256', alias);
      const id = arn.slice(arn.indexOf(':key/') + 5);
      const aliasArn = arn.replace(/key\/.*$/, alias);
      for (const key of [id, arn, alias, aliasArn, `awskms:///${alias}`, `awskms:///${arn}`]) {
        const signer = await kmsSigner({ key: parseKmsKey(key), client });
        assert.ok(signer.description.includes(arn), signer.description);
        await seal(statementOf(1), signer);
      }
    });

    it('knows no key and no alias that is not there', async () => {
      const { client } = target();
      for (const key of [randomUUID(), name()]) {
        await assert.rejects(
          kmsSigner({ key: parseKmsKey(key), client }),
          mlsignError('kms-key-not-found', 'there is no such KMS key', { outcome: 'unavailable', subject: key }),
        );
      }
    });

    it('does not sign with a key that is disabled or about to be deleted', async () => {
      const { client } = target();
      const states = [
        [
          'kms-key-disabled',
          (KeyId: string) =>
            client.call({ action: 'kms:DisableKey', subject: KeyId }, (kms, sdk) => kms.send(new sdk.DisableKeyCommand({ KeyId }))),
        ],
        [
          'kms-key-pending-deletion',
          (KeyId: string) =>
            client.call({ action: 'kms:ScheduleKeyDeletion', subject: KeyId }, (kms, sdk) =>
              kms.send(new sdk.ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 })),
            ),
        ],
      ] as const;
      for (const [code, change] of states) {
        const { arn } = await make('ECC_NIST_P256');
        const signer = await kmsSigner({ key: parseKmsKey(arn), client });
        await change(arn);
        await assert.rejects(seal(statementOf(1), signer), mlsignError(code, /^the KMS key is/, { outcome: 'unavailable', subject: arn }));
      }
    });

    it('does not sign with a key that is for something else', async () => {
      const { client } = target();
      for (const [KeySpec, KeyUsage] of [
        ['SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT'],
        ['RSA_2048', 'ENCRYPT_DECRYPT'],
      ] as const) {
        const made = await client.call({ action: 'kms:CreateKey', subject: KeySpec }, (kms, sdk) =>
          kms.send(new sdk.CreateKeyCommand({ KeySpec, KeyUsage })),
        );
        const key = parseKmsKey(made.KeyMetadata?.Arn ?? '');
        await assert.rejects(
          kmsSigner({ key, client }),
          mlsignError('kms-key-usage', /^the KMS key is not /, { outcome: 'refused' }),
          KeySpec,
        );
      }
    });

    it('does not make two keys of one alias, and leaves none behind', async () => {
      const { client } = target();
      const alias = name();
      const { arn } = await make('ECC_NIST_P256', alias);
      await assert.rejects(
        make('ECC_NIST_P256', alias),
        mlsignError('kms-alias-exists', 'there is an alias of this name already', { outcome: 'refused', subject: alias }),
      );
      const signer = await kmsSigner({ key: parseKmsKey(alias), client });
      assert.ok(signer.description.includes(arn));
      assert.ok(createPublicKey(signer.publicKey.export({ type: 'spki', format: 'pem' })).equals(signer.publicKey));
    });
  });
}
