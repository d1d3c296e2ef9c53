export {
  BUILD_TYPE,
  isBinding,
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
export {
  type AttestationSource,
  attestationName,
  type ClaimedAttestation,
  claimedAttestation,
  localAttestations,
  MOST_ATTESTATIONS,
  storedAttestations,
} from './attestation.ts';
export { parseCode, parseContainer, parseDigested, refuseSecrets, withoutSecrets } from './materials.ts';
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
