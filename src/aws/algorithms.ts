/** The key specs of KMS that sign models; the first is what a new key gets. */
export const KMS_SPECS = [
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'ECC_NIST_EDWARDS25519',
  'ML_DSA_44',
  'ML_DSA_65',
  'ML_DSA_87',
] as const;

/** A key spec of KMS. */
export type KmsSpec = (typeof KMS_SPECS)[number];

/** What KMS is given to sign: the message itself (4,096 bytes at most), its digest, or the μ of ML-DSA (FIPS 204 §6.2). */
export type KmsMessageType = 'RAW' | 'DIGEST' | 'EXTERNAL_MU';

/** The signing algorithms of KMS that are used. */
export type KmsAlgorithmName = (typeof KMS_ALGORITHMS)[keyof typeof KMS_ALGORITHMS]['algorithm'];

interface KmsAlgorithm {
  readonly algorithm: string;
  readonly messageType: KmsMessageType;
}

/** The names of the schemes that KMS signs by. */
export type KmsScheme = keyof typeof KMS_ALGORITHMS;

/** How each of our schemes is asked of KMS; `ed25519-kms` for messages that are longer than KMS takes, and as `ed25519` for others. */
export const KMS_ALGORITHMS = {
  'ecdsa-p256-sha256': { algorithm: 'ECDSA_SHA_256', messageType: 'DIGEST' },
  'ecdsa-p384-sha384': { algorithm: 'ECDSA_SHA_384', messageType: 'DIGEST' },
  'ecdsa-p521-sha512': { algorithm: 'ECDSA_SHA_512', messageType: 'DIGEST' },
  'rsa-pss-sha256': { algorithm: 'RSASSA_PSS_SHA_256', messageType: 'DIGEST' },
  'rsa-pkcs1-sha256': { algorithm: 'RSASSA_PKCS1_V1_5_SHA_256', messageType: 'DIGEST' },
  ed25519: { algorithm: 'ED25519_SHA_512', messageType: 'RAW' },
  'ed25519-kms': { algorithm: 'ED25519_PH_SHA_512', messageType: 'DIGEST' },
  'ml-dsa-44': { algorithm: 'ML_DSA_SHAKE_256', messageType: 'EXTERNAL_MU' },
  'ml-dsa-65': { algorithm: 'ML_DSA_SHAKE_256', messageType: 'EXTERNAL_MU' },
  'ml-dsa-87': { algorithm: 'ML_DSA_SHAKE_256', messageType: 'EXTERNAL_MU' },
} as const satisfies Record<string, KmsAlgorithm>;
