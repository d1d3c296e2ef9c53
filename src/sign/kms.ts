import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import { checkAlgorithm, getPublicKey, KMS_ALGORITHMS, type KmsClient, type KmsKeyReference, sign } from '../aws/index.ts';
import {
  isPrehashed,
  mlDsaMu,
  parseTrustedPem,
  publicKeyHint,
  type SchemeName,
  schemeForKmsKey,
  schemeTitle,
  sha512,
} from '../formats/index.ts';
import type { NamedPem } from './certificate.ts';
import type { Signer } from './signer.ts';

/** How a KMS key is used. */
export interface KmsSignerOptions {
  readonly key: KmsKeyReference;
  readonly client: KmsClient;
  /** Pins the public half: KMS is not asked for it, and `kms:Sign` is the only permission that is needed. */
  readonly publicKey?: NamedPem | undefined;
  /** Padding of an RSA key; `pss` unless given. */
  readonly rsaPadding?: 'pss' | 'pkcs1' | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A signer from a key in AWS KMS. One call asks for the public key, unless it is pinned, and one for each signature. KMS
 * takes 4,096 bytes: it is given a digest; for ML-DSA the μ of FIPS 204, from which it makes an ordinary signature. For
 * Ed25519 it has no such form: see {@link isPrehashed}.
 *
 * @throws MlsignError `kms-…` and `aws-…`, `key-unsupported`, `key-malformed`, `scheme-mismatch`
 * @example
 * const key = parseKmsKey('alias/models');
 * const signer = await kmsSigner({ key, client: new KmsClient({ region: 'eu-central-1' }) });
 */
export async function kmsSigner(options: KmsSignerOptions): Promise<Signer> {
  const { key, client, publicKey: pinned, rsaPadding, signal } = options;
  const answer = pinned === undefined ? await getPublicKey(client, key, signal) : undefined;
  const [pem, where] = answer === undefined ? [pinned?.pem ?? '', pinned?.where ?? ''] : [answer.pem, key.text];
  const publicKey = readPublicKey(pem, where);
  const isRsa = publicKey.asymmetricKeyType === 'rsa' || publicKey.asymmetricKeyType === 'rsa-pss';
  const scheme = schemeForKmsKey(publicKey, where, isRsa && rsaPadding === 'pkcs1' ? 'rsa-pkcs1-sha256' : undefined);
  if (answer !== undefined) checkAlgorithm(answer, scheme);
  const hint = publicKeyHint(publicKey);
  return {
    scheme,
    publicKey,
    material: { kind: 'key', hint },
    description: `${schemeTitle(scheme)}, key ${hint.slice(0, 16)}, AWS KMS ${answer?.arn ?? key.keyId}`,
    sign(data, during = signal) {
      const form = scheme === 'ed25519-kms' && !isPrehashed(scheme, data) ? 'ed25519' : scheme;
      return sign(client, key, { ...KMS_ALGORITHMS[form], message: messageFor(form, publicKey, data), arn: answer?.arn }, during);
    },
  };
}

function readPublicKey(pem: Uint8Array | string, where: string): KeyObject {
  const trusted = parseTrustedPem(pem, where);
  return trusted.kind === 'key' ? trusted.key : new X509Certificate(trusted.der).publicKey;
}

function messageFor(scheme: SchemeName, publicKey: KeyObject, data: Uint8Array): Uint8Array {
  switch (scheme) {
    case 'ecdsa-p256-sha256':
    case 'rsa-pss-sha256':
    case 'rsa-pkcs1-sha256':
      return createHash('sha256').update(data).digest();
    case 'ecdsa-p384-sha384':
      return createHash('sha384').update(data).digest();
    case 'ecdsa-p521-sha512':
    case 'ed25519-kms':
      return sha512(data);
    case 'ed25519':
      return data;
    case 'ml-dsa-44':
    case 'ml-dsa-65':
    case 'ml-dsa-87':
      return mlDsaMu(publicKey, data);
  }
}
