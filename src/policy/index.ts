export { CLAIM_NAMES, type ClaimName, claimArcs, isClaimName } from './claims.ts';
export {
  describeIdentity,
  type IdentityMismatch,
  type IdentitySource,
  type IdentityTrust,
  identityMismatch,
  identityTrust,
  type SigstoreIdentity,
} from './identity.ts';
export { type LoadPolicyOptions, loadPolicy } from './load-policy.ts';
export { evaluateSigners, type Satisfied, type Signed, type SignersResult } from './match.ts';
export { modelLocation } from './pattern.ts';
export {
  checkFlagsBesidePolicy,
  combine,
  type EvidenceRequirement,
  FLAGS_OF_A_POLICY,
  type Policy,
  type PolicyFlags,
  policyFromFlags,
  type Requirement,
  type Rule,
  selectRule,
} from './policy.ts';
export type { AuthorityTrust, KeyTrust, PemSource, Principal, Trust } from './principal.ts';
