import { createHash, type KeyObject } from 'node:crypto';

/** Bytes of the public key of each parameter set (FIPS 204, table 2), which end its SPKI. */
const ML_DSA_KEY_BYTES: Readonly<Record<string, number>> = { 'ml-dsa-44': 1312, 'ml-dsa-65': 1952, 'ml-dsa-87': 2592 };
const ED25519_KEY_BYTES = 32;

/**
 * The message representative μ of pure ML-DSA with an empty context, from which another party can sign without the
 * message: SHAKE256(SHAKE256(key) ‖ 0 ‖ 0 ‖ message), 64 bytes (FIPS 204, algorithms 2 and 7).
 */
export function mlDsaMu(publicKey: KeyObject, message: Uint8Array): Uint8Array {
  const key = endOfSpki(publicKey, ML_DSA_KEY_BYTES[publicKey.asymmetricKeyType ?? ''] ?? 0);
  return shake256(shake256(key), Buffer.of(0, 0), message);
}

type Curve = typeof import('@noble/curves/ed25519.js');

// Loading takes 18 ms, which only those pay who trust or use such a key.
let curve: Curve | undefined;

/** Loads what {@link verifyEd25519phSha512} needs: node:crypto has no Ed25519ph. */
export async function loadEd25519ph(): Promise<void> {
  curve ??= await import('@noble/curves/ed25519.js');
}

/**
 * Whether a signature is Ed25519ph (RFC 8032 §5.1) over the SHA-512 of a message: the message is hashed twice, once by the
 * caller and once by Ed25519ph. AWS KMS signs so with ED25519_PH_SHA_512; a verifier that hashes once says no.
 *
 * @throws TypeError before {@link loadEd25519ph}: there is no answer then, least of all a yes
 */
export function verifyEd25519phSha512(publicKey: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  if (curve === undefined) throw new TypeError('Ed25519ph is not loaded');
  if (publicKey.asymmetricKeyType !== 'ed25519' || signature.length !== 64) return false;
  const { ed25519ph } = curve;
  return ed25519ph.verify(signature, sha512(message), endOfSpki(publicKey, ED25519_KEY_BYTES), { zip215: false });
}

/** SHA-512, 64 bytes. */
export function sha512(message: Uint8Array): Uint8Array {
  return createHash('sha512').update(message).digest();
}

function endOfSpki(publicKey: KeyObject, bytes: number): Uint8Array {
  return publicKey.export({ type: 'spki', format: 'der' }).subarray(-bytes);
}

function shake256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('shake256', { outputLength: 64 });
  for (const part of parts) hash.update(part);
  return hash.digest();
}
