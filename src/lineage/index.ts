export {
  BUILD_TYPE,
  isBinding,
  isDigestValue,
  MATERIAL_ROLES,
  type Material,
  type MaterialDigest,
  type MaterialRole,
  materialOf,
  PROVENANCE_TYPE,
  type Provenance,
  parseProvenance,
  RELATIONS,
  type Relation,
} from '../formats/index.ts';
export { type Derivation, type DerivedFrom, type Descendant, findDescendants, type WantedDigest } from './affected.ts';
export {
  type AttestationSource,
  attestationName,
  type ClaimedAttestation,
  claimedAttestation,
  localAttestations,
  MOST_ATTESTATIONS,
  storedAttestations,
} from './attestation.ts';
export { type GraphNode, type LineageEdge, type LineageGraph, nodeId, pathTo, type WalkRole, walkLineage } from './graph.ts';
export { label, otherModel } from './lineage-findings.ts';
export { looksSecret, parseCode, parseContainer, parseDigested, refuseSecrets, withoutSecrets } from './materials.ts';
export type * from './node.ts';
export {
  keyOf,
  listName,
  listPlace,
  type OpenedRevocations,
  openRevocations,
  type RevocationSource,
  type RevocationTrust,
  type SignedRevocations,
} from './open-revocations.ts';
export { openProvenance } from './provenance.ts';
export {
  addressKey,
  isSameStore,
  type KnownStore,
  locationOfUri,
  type OpenStore,
  releasePlace,
  StoredModels,
  type StorePlace,
} from './resolve.ts';
export {
  DIGEST,
  entryDocument,
  KEY_NAME,
  MAX_REVOCATIONS,
  MAX_REVOCATIONS_BYTES,
  parseRevocations,
  REVOCATIONS_TYPE,
  type Revocation,
  type RevocationList,
  revocationId,
  revocationsPayload,
} from './revocations.ts';
export { type AncestorPath, Revocations } from './revoked.ts';
export { MOST_COPIES, together } from './together.ts';
export { believed, judgeLineage, type LineageTrust } from './verify-graph.ts';
