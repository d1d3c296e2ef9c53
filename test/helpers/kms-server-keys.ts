import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { signEcdsaDigest, signEd25519ph, signMu, signPkcs1Digest, signPssDigest } from './kms-server-digest.ts';

const RSA = ['PKCS1_V1_5', 'PSS'].flatMap((padding) => ['256', '384', '512'].map((size) => `RSASSA_${padding}_SHA_${size}`));

/** What KMS calls the kinds of keys, what each may be used for, and by which algorithms it signs. */
export const SPECS: Readonly<Record<string, { readonly usages: readonly string[]; readonly algorithms: readonly string[] }>> = {
  ECC_NIST_P256: { usages: ['SIGN_VERIFY', 'KEY_AGREEMENT'], algorithms: ['ECDSA_SHA_256'] },
  ECC_NIST_P384: { usages: ['SIGN_VERIFY', 'KEY_AGREEMENT'], algorithms: ['ECDSA_SHA_384'] },
  ECC_NIST_P521: { usages: ['SIGN_VERIFY', 'KEY_AGREEMENT'], algorithms: ['ECDSA_SHA_512'] },
  ECC_SECG_P256K1: { usages: ['SIGN_VERIFY'], algorithms: ['ECDSA_SHA_256'] },
  ECC_NIST_EDWARDS25519: { usages: ['SIGN_VERIFY'], algorithms: ['ED25519_PH_SHA_512', 'ED25519_SHA_512'] },
  RSA_2048: { usages: ['SIGN_VERIFY', 'ENCRYPT_DECRYPT'], algorithms: RSA },
  RSA_3072: { usages: ['SIGN_VERIFY', 'ENCRYPT_DECRYPT'], algorithms: RSA },
  RSA_4096: { usages: ['SIGN_VERIFY', 'ENCRYPT_DECRYPT'], algorithms: RSA },
  ML_DSA_44: { usages: ['SIGN_VERIFY'], algorithms: ['ML_DSA_SHAKE_256'] },
  ML_DSA_65: { usages: ['SIGN_VERIFY'], algorithms: ['ML_DSA_SHAKE_256'] },
  ML_DSA_87: { usages: ['SIGN_VERIFY'], algorithms: ['ML_DSA_SHAKE_256'] },
  SYMMETRIC_DEFAULT: { usages: ['ENCRYPT_DECRYPT'], algorithms: [] },
};

/** A message that KMS refuses: the type of its error, and what it says. */
export class KmsRefusal extends Error {
  readonly type: string;
  readonly status: number;

  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

// RSA keys take seconds to make, and no test needs two that differ.
const rsaKeys = new Map<string, KeyObject>();

/** A private key of a spec; undefined for a symmetric one. */
export function makeKey(spec: string): KeyObject | undefined {
  switch (spec) {
    case 'ECC_NIST_P256':
    case 'ECC_NIST_P384':
    case 'ECC_NIST_P521':
      return generateKeyPairSync('ec', { namedCurve: `P-${spec.slice(-3)}` }).privateKey;
    case 'ECC_SECG_P256K1':
      return generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey;
    case 'ECC_NIST_EDWARDS25519':
      return generateKeyPairSync('ed25519').privateKey;
    case 'ML_DSA_44':
      return generateKeyPairSync('ml-dsa-44').privateKey;
    case 'ML_DSA_65':
      return generateKeyPairSync('ml-dsa-65').privateKey;
    case 'ML_DSA_87':
      return generateKeyPairSync('ml-dsa-87').privateKey;
    case 'RSA_2048':
    case 'RSA_3072':
    case 'RSA_4096': {
      const key = rsaKeys.get(spec) ?? generateKeyPairSync('rsa', { modulusLength: Number(spec.slice(4)) }).privateKey;
      rsaKeys.set(spec, key);
      return key;
    }
    default:
      return undefined;
  }
}

/** Signs as KMS does: RAW hashes, DIGEST does not (but Ed25519ph hashes what it is given once more), EXTERNAL_MU is ML-DSA's μ. */
export function signAs(key: KeyObject, algorithm: string, messageType: string, message: Buffer): Buffer {
  if (algorithm === 'ED25519_SHA_512' || algorithm === 'ED25519_PH_SHA_512') {
    const needed = algorithm === 'ED25519_SHA_512' ? 'RAW' : 'DIGEST';
    if (messageType !== needed) throw invalid(`Message type ${messageType} is incompatible with algorithm ${algorithm}.`);
    if (needed === 'RAW') return sign(null, message, key);
    checkDigest(message, 64, algorithm);
    return signEd25519ph(key, message);
  }
  if (algorithm === 'ML_DSA_SHAKE_256') {
    if (messageType === 'RAW') return sign(null, message, key);
    if (messageType !== 'EXTERNAL_MU') throw invalid(`Message type ${messageType} is incompatible with algorithm ${algorithm}.`);
    if (message.length !== 64) throw invalid('The message must be 64 bytes for message type EXTERNAL_MU.');
    return signMu(key, message);
  }
  if (messageType === 'EXTERNAL_MU') throw invalid(`Message type EXTERNAL_MU is incompatible with algorithm ${algorithm}.`);
  const bits = algorithm.slice(-3);
  if (messageType === 'RAW') return sign(`sha${bits}`, message, { key, ...paddingOf(algorithm) });
  checkDigest(message, Number(bits) / 8, algorithm);
  if (algorithm.startsWith('RSASSA_PSS')) return signPssDigest(key, `sha${bits}`, message);
  return algorithm.startsWith('RSASSA') ? signPkcs1Digest(key, `sha${bits}`, message) : signEcdsaDigest(key, message);
}

function invalid(message: string): KmsRefusal {
  return new KmsRefusal('ValidationException', message);
}

function checkDigest(message: Buffer, length: number, algorithm: string): void {
  if (message.length !== length) throw invalid(`Digest is invalid length for algorithm ${algorithm}.`);
}

function paddingOf(algorithm: string): object {
  if (algorithm.startsWith('RSASSA_PSS')) {
    return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  }
  return algorithm.startsWith('RSASSA') ? { padding: constants.RSA_PKCS1_PADDING } : { dsaEncoding: 'der' };
}
