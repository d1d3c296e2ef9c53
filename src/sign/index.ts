export { type CertificateOptions, certificateSigner, type NamedPem } from './certificate.ts';
export { type GeneratedKey, generateKey, KEY_TYPES, type KeyType } from './keygen.ts';
export { type LocalKeyOptions, localKeySigner } from './local-key.ts';
export { type SealOptions, seal } from './seal.ts';
export type { Signer } from './signer.ts';
export type { Witness } from './witness.ts';
