import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { context, integer, NULL, oid, sequence } from './der.ts';

export type TestKeyType =
  | 'ec-p256'
  | 'ec-p384'
  | 'ec-p521'
  | 'ec-secp256k1'
  | 'rsa-1024'
  | 'rsa-2048'
  | 'rsa-3072'
  | 'rsa-pss-2048'
  | 'ed25519'
  | 'ml-dsa-44'
  | 'ml-dsa-65'
  | 'ml-dsa-87';

export interface TestKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** How a certificate is signed; by default the issuer's key decides (`sha256` with the curve's own digest for EC). */
export type TestSignature = 'default' | 'rsa-pss-sha256' | 'rsa-sha1' | 'rsa-md5' | 'ecdsa-sha1' | 'ecdsa-sha256' | 'ecdsa-sha512';

/** A fresh key pair. RSA takes some 100 ms. */
export function makeKey(type: TestKeyType = 'ec-p256'): TestKey {
  switch (type) {
    case 'ec-p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'ec-p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'ec-p521':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' });
    case 'ec-secp256k1':
      return generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    case 'rsa-1024':
    case 'rsa-2048':
    case 'rsa-3072':
      return generateKeyPairSync('rsa', { modulusLength: Number(type.slice(4)) });
    case 'rsa-pss-2048':
      return generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'ml-dsa-44':
      return generateKeyPairSync('ml-dsa-44');
    case 'ml-dsa-65':
      return generateKeyPairSync('ml-dsa-65');
    case 'ml-dsa-87':
      return generateKeyPairSync('ml-dsa-87');
  }
}

export interface Scheme {
  readonly algorithm: Buffer;
  sign(data: Uint8Array): Buffer;
}

/** How a key signs certificates: the AlgorithmIdentifier and the signature. */
export function signatureScheme(key: KeyObject, signature: TestSignature): Scheme {
  const scheme = (id: string, digest: string | null, parameters: readonly Buffer[] = []): Scheme => ({
    algorithm: sequence(oid(id), ...parameters),
    sign: (data) => sign(digest, data, key),
  });
  const type = key.asymmetricKeyType;
  switch (signature) {
    case 'rsa-sha1':
      return scheme('1.2.840.113549.1.1.5', 'sha1', [NULL]);
    case 'rsa-md5':
      return scheme('1.2.840.113549.1.1.4', 'md5', [NULL]);
    case 'ecdsa-sha1':
      return scheme('1.2.840.10045.4.1', 'sha1');
    case 'ecdsa-sha256':
      return scheme('1.2.840.10045.4.3.2', 'sha256');
    case 'ecdsa-sha512':
      return scheme('1.2.840.10045.4.3.4', 'sha512');
    case 'rsa-pss-sha256':
      return pssScheme(key);
    case 'default':
      break;
  }
  if (type === 'rsa') return scheme('1.2.840.113549.1.1.11', 'sha256', [NULL]);
  if (type === 'rsa-pss') return pssScheme(key);
  if (type === 'ed25519') return scheme('1.3.101.112', null);
  if (type === 'ml-dsa-44') return scheme('2.16.840.1.101.3.4.3.17', null);
  if (type === 'ml-dsa-65') return scheme('2.16.840.1.101.3.4.3.18', null);
  if (type === 'ml-dsa-87') return scheme('2.16.840.1.101.3.4.3.19', null);
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === 'secp384r1') return scheme('1.2.840.10045.4.3.3', 'sha384');
  if (curve === 'secp521r1') return scheme('1.2.840.10045.4.3.4', 'sha512');
  return scheme('1.2.840.10045.4.3.2', 'sha256');
}

/** RFC 4055: SHA-256, MGF1 with SHA-256, a salt of 32 bytes. */
function pssScheme(key: KeyObject): Scheme {
  const sha256 = sequence(oid('2.16.840.1.101.3.4.2.1'), NULL);
  const mgf = sequence(oid('1.2.840.113549.1.1.8'), sha256);
  const parameters = sequence(context(0, sha256), context(1, mgf), context(2, integer(32)));
  return {
    algorithm: sequence(oid('1.2.840.113549.1.1.10'), parameters),
    sign: (data) => sign('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
  };
}
