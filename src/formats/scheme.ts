import { constants, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { refused } from '../core/index.ts';
import { mlDsaMissing } from './pem.ts';
import { loadEd25519ph, verifyEd25519phSha512 } from './prehash.ts';

/** One row of the table: which keys a scheme is for, and how node:crypto is told to use it. */
interface Scheme {
  readonly title: string;
  readonly keyTypes: readonly string[];
  readonly curve?: string;
  /** Digest that node:crypto applies first; null where the scheme hashes by itself. */
  readonly digest: 'sha256' | 'sha384' | 'sha512' | null;
  readonly options: { readonly dsaEncoding?: 'der'; readonly padding?: number; readonly saltLength?: number };
}

// RFC 8017 §9.1: RSASSA-PSS with a salt as long as the digest; any other length is refused when verifying.
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const PKCS1 = { padding: constants.RSA_PKCS1_PADDING };
const DER = { dsaEncoding: 'der' } as const;

const SCHEMES = {
  'ecdsa-p256-sha256': { title: 'ECDSA P-256 with SHA-256', keyTypes: ['ec'], curve: 'prime256v1', digest: 'sha256', options: DER },
  'ecdsa-p384-sha384': { title: 'ECDSA P-384 with SHA-384', keyTypes: ['ec'], curve: 'secp384r1', digest: 'sha384', options: DER },
  'ecdsa-p521-sha512': { title: 'ECDSA P-521 with SHA-512', keyTypes: ['ec'], curve: 'secp521r1', digest: 'sha512', options: DER },
  'rsa-pss-sha256': { title: 'RSA-PSS with SHA-256', keyTypes: ['rsa', 'rsa-pss'], digest: 'sha256', options: PSS },
  'rsa-pkcs1-sha256': { title: 'RSA PKCS#1 v1.5 with SHA-256', keyTypes: ['rsa'], digest: 'sha256', options: PKCS1 },
  ed25519: { title: 'Ed25519', keyTypes: ['ed25519'], digest: null, options: {} },
  'ed25519-kms': { title: 'Ed25519 as AWS KMS signs', keyTypes: ['ed25519'], digest: null, options: {} },
  'ml-dsa-44': { title: 'ML-DSA-44', keyTypes: ['ml-dsa-44'], digest: null, options: {} },
  'ml-dsa-65': { title: 'ML-DSA-65', keyTypes: ['ml-dsa-65'], digest: null, options: {} },
  'ml-dsa-87': { title: 'ML-DSA-87', keyTypes: ['ml-dsa-87'], digest: null, options: {} },
} as const satisfies Record<string, Scheme>;

/** A signature algorithm with everything it needs fixed. It comes from the trust entry, never from a bundle. */
export type SchemeName = keyof typeof SCHEMES;

/** Every {@link SchemeName}. A key's default is the first one that fits it. */
export const SCHEME_NAMES = Object.keys(SCHEMES) as readonly SchemeName[];

/** The longest message that AWS KMS takes; above it the scheme `ed25519-kms` is Ed25519ph over the SHA-512 of the message. */
const KMS_MESSAGE_BYTES = 4096;

const MIN_RSA_BITS = 2048;
// OpenSSL verifies nothing above this either.
const MAX_RSA_BITS = 16_384;
const SUPPORTED = 'EC P-256, P-384 or P-521, RSA of 2048 bits or more, Ed25519, or ML-DSA';

/** Whether a string names a {@link SchemeName}. */
export function isSchemeName(name: string): name is SchemeName {
  return Object.hasOwn(SCHEMES, name);
}

/** A scheme in words: `ECDSA P-256 with SHA-256`. */
export function schemeTitle(name: SchemeName): string {
  return SCHEMES[name].title;
}

/**
 * The scheme that a key is used with: the default of its type, or the one asked for.
 *
 * @param where names the key in errors
 * @param wanted a scheme from the user's own flags or policy
 * @throws MlsignError `key-unsupported` (a type, curve or size that is not accepted), `ml-dsa-unavailable`, `scheme-mismatch` (not a scheme of this key)
 */
export function schemeForKey(key: KeyObject, where = 'key', wanted?: SchemeName): SchemeName {
  const fitting = SCHEME_NAMES.filter((name) => fits(SCHEMES[name], key));
  const [first] = fitting;
  if (first === undefined) refuseUnknownKind(key, where);
  const weakness = first === undefined ? describeKey(key) : weaknessOf(key);
  if (first === undefined || weakness !== undefined) {
    throw refused('key-unsupported', `a key of this kind is not accepted: ${weakness}`, {
      subject: where,
      expected: SUPPORTED,
      got: weakness,
    });
  }
  if (wanted === undefined) return first;
  if (fitting.includes(wanted)) return wanted;
  throw refused('scheme-mismatch', `${wanted} is not a scheme of this key: ${describeKey(key)}`, {
    subject: where,
    expected: fitting.join(' or '),
    got: wanted,
  });
}

/**
 * The scheme that a key in AWS KMS is used with: as {@link schemeForKey}, but Ed25519 as KMS signs, which takes no long messages.
 *
 * @throws MlsignError `key-unsupported`, `scheme-mismatch`
 */
export function schemeForKmsKey(key: KeyObject, where: string, wanted?: SchemeName): SchemeName {
  const scheme = schemeForKey(key, where, wanted);
  return scheme === 'ed25519' && wanted === undefined ? 'ed25519-kms' : scheme;
}

/** Signs bytes with a private key that {@link schemeForKey} accepted; ECDSA signatures are DER. */
export function signData(scheme: SchemeName, privateKey: KeyObject, data: Uint8Array): Uint8Array {
  const { digest, options } = SCHEMES[scheme];
  return sign(digest, data, { key: privateKey, ...options });
}

/**
 * Whether a signature over so many bytes is one that few other verifiers know: `ed25519-kms` is pure Ed25519 up to 4,096 bytes,
 * and above them Ed25519ph over SHA-512, which hashes twice.
 */
export function isPrehashed(scheme: SchemeName, data: Uint8Array): boolean {
  return scheme === 'ed25519-kms' && data.length > KMS_MESSAGE_BYTES;
}

/** Loads what some schemes need beyond node:crypto: to be awaited before signatures of these schemes are verified. */
export async function prepareSchemes(schemes: Iterable<SchemeName | undefined>): Promise<void> {
  for (const scheme of schemes) if (scheme === 'ed25519-kms') await loadEd25519ph();
}

/**
 * Whether a signature over bytes is that of a key, under exactly this scheme. A malformed signature is a wrong one.
 *
 * @param options.digest replaces the curve's digest: v0.2.0 bundles are signed with SHA-256 whatever the curve
 */
export function verifySignature(
  scheme: SchemeName,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
  options: { readonly digest?: 'sha256' | undefined } = {},
): boolean {
  const row: Scheme = SCHEMES[scheme];
  if (!fits(row, key)) return false;
  if (isPrehashed(scheme, data)) return verifyEd25519phSha512(key, data, signature);
  const digest = row.digest === null ? null : (options.digest ?? row.digest);
  return verify(digest, data, { key, ...row.options }, signature);
}

function fits(scheme: Scheme, key: KeyObject): boolean {
  if (key.asymmetricKeyType === undefined || !scheme.keyTypes.includes(key.asymmetricKeyType)) return false;
  const details = key.asymmetricKeyDetails ?? {};
  if (scheme.curve !== undefined) return details.namedCurve === scheme.curve;
  if (key.asymmetricKeyType !== 'rsa-pss') return true;
  // Parameters inside an RSA-PSS key restrict what it may be used with (RFC 4055 §1.2).
  return (
    (details.hashAlgorithm ?? 'sha256') === 'sha256' &&
    (details.mgf1HashAlgorithm ?? 'sha256') === 'sha256' &&
    (details.saltLength ?? 32) <= 32
  );
}

/** Why a key of a known type is still not accepted. */
function weaknessOf(key: KeyObject): string | undefined {
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (modulusLength === undefined) return undefined;
  if (modulusLength < MIN_RSA_BITS || modulusLength > MAX_RSA_BITS) return `RSA of ${modulusLength} bits`;
  // With exponent 1 every padded message is its own signature.
  if (publicExponent === undefined || publicExponent < 3n || publicExponent % 2n === 0n)
    return `RSA with public exponent ${publicExponent}`;
  return undefined;
}

/** Node 22 reads an ML-DSA key where its OpenSSL can, and then has no name for it. */
function refuseUnknownKind(key: KeyObject, where: string): void {
  if (key.type === 'secret' || key.asymmetricKeyType !== undefined) return;
  const publicKey = key.type === 'public' ? key : createPublicKey(key);
  const missing = mlDsaMissing(publicKey.export({ type: 'spki', format: 'der' }), where, undefined);
  if (missing !== undefined) throw missing;
}

function describeKey(key: KeyObject): string {
  const { namedCurve, modulusLength, hashAlgorithm } = key.asymmetricKeyDetails ?? {};
  const details = [namedCurve, modulusLength === undefined ? undefined : `${modulusLength} bits`, hashAlgorithm].filter(Boolean);
  return [key.asymmetricKeyType ?? (key.type === 'secret' ? 'a secret key' : 'a kind that this Node does not know'), ...details].join(' ');
}
