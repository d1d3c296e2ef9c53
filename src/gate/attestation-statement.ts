import { sha256Hex } from '../core/index.ts';
import {
  APPROVAL_TYPE,
  type ModelClaim,
  PROVENANCE_TYPE,
  parseApproval,
  parseModelClaim,
  parseProvenance,
  parseStatement,
} from '../formats/index.ts';

/** What a statement about one model says that a policy can ask for. */
export interface ModelAttestation extends ModelClaim {
  /** SHA-256 of the signed payload, hex: the same however its bundle is written. */
  readonly digest: string;
  /** Of an approval. */
  readonly role?: string | undefined;
  readonly expires?: Date | undefined;
}

/**
 * Reads a statement about one model as strictly as its type allows.
 *
 * @param where names the bundle in errors
 * @throws MlsignError what `parseApproval`, `parseProvenance` and `parseModelClaim` throw
 */
export function parseAttestation(payload: Uint8Array, where: string): ModelAttestation {
  const digest = sha256Hex(payload);
  const { predicateType } = parseStatement(payload, where);
  switch (predicateType) {
    case APPROVAL_TYPE: {
      const { subject, role, issued, expires } = parseApproval(payload, where);
      return { digest, predicateType, modelId: subject.modelId, issued, expires, role, metrics: new Map() };
    }
    case PROVENANCE_TYPE: {
      const { subject, finished, started } = parseProvenance(payload, where);
      return { digest, predicateType, modelId: subject.modelId, issued: finished ?? started, metrics: new Map() };
    }
    default:
      return { digest, ...parseModelClaim(payload, where) };
  }
}
