import { constants, createHash, type KeyObject, privateEncrypt, randomBytes } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { NULL, octets, oid, sequence } from './der.ts';

// What node:crypto cannot do: sign a digest that was made elsewhere.

const CURVES = { prime256v1: p256, secp384r1: p384, secp521r1: p521, secp256k1 };
const ML_DSA = { 'ml-dsa-44': ml_dsa44, 'ml-dsa-65': ml_dsa65, 'ml-dsa-87': ml_dsa87 };
const DIGEST_OIDS: Readonly<Record<string, string>> = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
};

/** ECDSA over a digest, DER. */
export function signEcdsaDigest(key: KeyObject, digest: Uint8Array): Buffer {
  const curve = Reflect.get(CURVES, key.asymmetricKeyDetails?.namedCurve ?? '') as typeof p256;
  return Buffer.from(curve.sign(digest, secretOf(key, 'd'), { prehash: false, lowS: false, format: 'der' }));
}

/** RSASSA-PKCS1-v1_5 over a digest (RFC 8017 §9.2). */
export function signPkcs1Digest(key: KeyObject, hash: string, digest: Uint8Array): Buffer {
  const info = sequence(sequence(oid(DIGEST_OIDS[hash] ?? ''), NULL), octets(digest));
  return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, info);
}

/** RSASSA-PSS over a digest, the salt as long as it, MGF1 with the same hash (RFC 8017 §9.1.1). */
export function signPssDigest(key: KeyObject, hash: string, digest: Uint8Array): Buffer {
  const length = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  const salt = randomBytes(digest.length);
  const h = createHash(hash).update(Buffer.alloc(8)).update(digest).update(salt).digest();
  const db = Buffer.concat([Buffer.alloc(length - salt.length - h.length - 2), Buffer.of(1), salt]);
  for (let block = 0, at = 0; at < db.length; block++) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(block);
    for (const byte of createHash(hash)
      .update(h)
      .update(counter)
      .digest()
      .subarray(0, db.length - at)) {
      db.writeUInt8(db.readUInt8(at) ^ byte, at);
      at++;
    }
  }
  // The encoded message has one bit less than the modulus.
  db.writeUInt8(db.readUInt8(0) & 0x7f, 0);
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, Buffer.concat([db, h, Buffer.of(0xbc)]));
}

/** Ed25519ph (RFC 8032 §5.1): hashes the message by SHA-512 before anything else. */
export function signEd25519ph(key: KeyObject, message: Uint8Array): Buffer {
  return Buffer.from(ed25519ph.sign(message, secretOf(key, 'd')));
}

/** ML-DSA from its message representative μ (FIPS 204, algorithm 7 from line 7). */
export function signMu(key: KeyObject, mu: Uint8Array): Buffer {
  const scheme = Reflect.get(ML_DSA, key.asymmetricKeyType ?? '') as typeof ml_dsa44;
  const { secretKey } = scheme.keygen(secretOf(key, 'priv'));
  return Buffer.from(scheme.internal.sign(mu, secretKey, { externalMu: true }));
}

function secretOf(key: KeyObject, field: 'd' | 'priv'): Uint8Array {
  const jwk: Readonly<Record<string, unknown>> = { ...key.export({ format: 'jwk' }) };
  return new Uint8Array(Buffer.from(String(jwk[field]), 'base64url'));
}
