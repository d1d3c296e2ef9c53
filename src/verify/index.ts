export { type PathOptions, type PathResult, validatePath } from './certificate.ts';
export type { IgnoredEvidence, LogRecord, Proof, ProvenTime } from './evidence.ts';
export { KmsTrust } from './kms-trust.ts';
export { type OpenOptions, openBundle } from './open-bundle.ts';
export {
  type OpenedStatement,
  openStatement,
  type SignedBy,
  type VerifiedSigner,
  VerifiedStatement,
} from './open-statement.ts';
export { StatementStore } from './statement-store.ts';
export { claimedGenerationTime } from './timestamp.ts';
export { describeTrust } from './trust.ts';
export { type InstanceOptions, instanceTrustedRoot, readTrustedRoot, type TrustedRootSource } from './trusted-root.ts';
export { type EnvelopeOptions, type RefuseSigner, verifyEnvelope } from './verify-envelope.ts';
