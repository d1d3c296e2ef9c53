export { type AttestationRule, type MetricBound, meetsBound } from './attestation-rule.ts';
export { CLAIM_NAMES, type ClaimName, claimArcs, isClaimName } from './claims.ts';
export type { PolicyDocument } from './document.ts';
export type { FormatRule, FormatSetting } from './format-rule.ts';
export {
  describeIdentity,
  type IdentityMismatch,
  type IdentitySource,
  type IdentityTrust,
  identityMismatch,
  identityTrust,
  type SigstoreIdentity,
} from './identity.ts';
export { isFrom, LINEAGE_ROLES, type LineageRole, type LineageRule, type LineageRules } from './lineage-rule.ts';
export { type LoadPolicyOptions, loadPolicy, type OpenedPolicy, openPolicy } from './load-policy.ts';
export { countSigners, evaluateSigners, type Satisfied, type Signed, type SignersResult } from './match.ts';
export { covers, modelLocation } from './pattern.ts';
export {
  type ChannelRule,
  channelPrincipals,
  type EvidenceRequirement,
  type Policy,
  type Requirement,
  type Rule,
  releasePrincipals,
  type SignerGroups,
  selectRule,
} from './policy.ts';
export { type PolicyCase, readPolicyCases } from './policy-cases.ts';
export { checkFlagsBesidePolicy, combine, FLAGS_OF_A_POLICY, keyPrincipal, type PolicyFlags, policyFromFlags } from './policy-flags.ts';
export type { AuthorityTrust, KeyTrust, PemSource, Principal, Trust } from './principal.ts';
export { readYaml } from './read-yaml.ts';
export type { RevocationPlace, RevocationRule } from './revocation-rule.ts';
export { type RevokerQuestion, revokerRule } from './revoker-rule.ts';
export { type UnusedNames, unusedNames } from './unused-names.ts';
export type { VsaRule } from './vsa-rule.ts';
