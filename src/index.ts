// The library: everything a program needs to hash, sign, verify, inspect and compare models.
export {
  type EngineOptions,
  type GenerateKeyPairOptions,
  generateKeyPair,
  hashModel,
  type KeyPairFiles,
  type ManifestOptions,
  type ModelHash,
  type SignatureResult,
  type SignedModel,
  type SignManifestOptions,
  type SignModelOptions,
  signManifest,
  signModel,
  type Unsigned,
  type Verification,
  type VerifyModelOptions,
  verifyModel,
} from './app/index.ts';
export {
  type Check,
  type CheckStatus,
  type ErrorOutcome,
  type Finding,
  type HashType,
  MlsignError,
  type OnProgress,
  type Progress,
  type Severity,
  type Verdict,
} from './core/index.ts';
export type { Manifest, Resource, SchemeName, Serialization } from './formats/index.ts';
export { loadPolicy, type Policy, policyFromFlags } from './policy/index.ts';
export {
  type CertificateOptions,
  certificateSigner,
  type KeyType,
  type LocalKeyOptions,
  localKeySigner,
  type Signer,
} from './sign/index.ts';
