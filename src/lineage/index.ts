export {
  BUILD_TYPE,
  isBinding,
  MATERIAL_ROLES,
  type Material,
  type MaterialDigest,
  type MaterialRole,
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
export { openProvenance } from './provenance.ts';
