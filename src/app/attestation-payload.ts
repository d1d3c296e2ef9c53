import { type Check, type Finding, isJsonObject, parseJson, refused, usage } from '../core/index.ts';
import {
  APPROVAL_TYPE,
  approvalPayload,
  EVALUATION_TYPE,
  LEGACY_PREDICATE_TYPE,
  type ModelSubject,
  OMS_PREDICATE_TYPE,
  parseApproval,
  parseStatement,
  predicatePayload,
  provenancePayload,
  STATEMENT_LIMITS,
} from '../formats/index.ts';
import { type Material, PROVENANCE_TYPE, type Provenance, parseProvenance } from '../lineage/index.ts';
import { checkClaims } from './check-claims.ts';
import { composeProvenance, type ProvenanceRequest } from './compose-provenance.ts';
import type { ModelClaims } from './read-model-claims.ts';
import { type ResolveMaterialsOptions, resolveMaterial } from './resolve-materials.ts';

/** What is attested: how the model was made, or anything that somebody else wrote about it. */
export type AttestationContent =
  | {
      /** That somebody agrees, in a role, that it is used. */
      readonly kind: 'approval';
      readonly role: string;
      readonly reason?: string | undefined;
      readonly issued: Date;
      readonly expires?: Date | undefined;
    }
  | { readonly kind: 'provenance'; readonly request: ProvenanceRequest }
  | {
      readonly kind: 'predicate';
      /** Its type, a URI. */
      readonly type: string;
      /** JSON, one object. */
      readonly bytes: Uint8Array;
      /** Names it in errors. */
      readonly where: string;
    };

/** A statement to sign. */
export interface AttestationPayload {
  readonly payload: Uint8Array;
  readonly predicateType: string;
  readonly provenance?: Provenance | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** The type of the statement that some content becomes. */
export function predicateTypeOf(content: AttestationContent): string {
  if (content.kind === 'approval') return APPROVAL_TYPE;
  return content.kind === 'provenance' ? PROVENANCE_TYPE : content.type;
}

/**
 * Makes the statement about a model: provenance from what is asked for and what the materials are, or a given predicate.
 *
 * @param claims what the model's own files say of its making
 * @throws MlsignError `predicate-type-reserved`, `predicate-malformed`, `material-is-model`, `relation-contradicted`,
 *   `provenance-malformed`, and what {@link resolveMaterial} throws
 */
export async function attestationPayload(
  subject: ModelSubject,
  content: AttestationContent,
  claims: ModelClaims | undefined,
  options: ResolveMaterialsOptions,
): Promise<AttestationPayload> {
  if (content.kind === 'predicate') return givenPredicate(subject, content);
  if (content.kind === 'approval') return approval(subject, content);
  const { request } = content;
  const resolved = [];
  for (const source of request.materials) resolved.push(await resolveMaterial(source, request.relation, options));
  const materials = resolved.map(({ material }) => material);
  refuseItself(subject, materials);
  const { provenance, findings } = composeProvenance(subject, materials, request);
  const payload = provenancePayload(provenance);
  // What nobody could read must not be signed.
  parseProvenance(payload, subject.name);
  return {
    payload,
    predicateType: PROVENANCE_TYPE,
    provenance,
    checks: resolved.map(({ check }) => check),
    findings: [...resolved.flatMap((one) => one.findings), ...findings, ...(claims === undefined ? [] : checkClaims(claims, provenance))],
  };
}

function approval(subject: ModelSubject, { kind: _, ...content }: Extract<AttestationContent, { kind: 'approval' }>): AttestationPayload {
  const payload = approvalPayload({ subject, ...content });
  // What nobody could read must not be signed.
  parseApproval(payload, subject.name);
  return { payload, predicateType: APPROVAL_TYPE, checks: [], findings: [] };
}

function givenPredicate(
  subject: ModelSubject,
  { type, bytes, where }: Extract<AttestationContent, { kind: 'predicate' }>,
): AttestationPayload {
  if ((type.startsWith('https://mlsign/') && type !== EVALUATION_TYPE) || type === OMS_PREDICATE_TYPE || type === LEGACY_PREDICATE_TYPE) {
    throw usage('predicate-type-reserved', 'statements of this type are made by a command of their own', {
      got: type,
      suggestions: ['mlsign sign, approve, push, promote and revoke make them'],
    });
  }
  if (!isJsonObject(parseJson(bytes, where, STATEMENT_LIMITS))) {
    throw refused('predicate-malformed', 'the predicate is not a JSON object', { subject: where, expected: 'one JSON object' });
  }
  const payload = predicatePayload(subject, type, bytes);
  const provenance = type === PROVENANCE_TYPE ? parseProvenance(payload, where) : undefined;
  if (provenance === undefined) parseStatement(payload, where);
  else refuseItself(subject, provenance.materials);
  return { payload, predicateType: type, provenance, checks: [], findings: [] };
}

/** A model is not made from itself: that would be a circle of one. */
function refuseItself({ name, modelId }: ModelSubject, materials: readonly Material[]): void {
  const own = materials.find(({ digests }) => digests.mlsignModel === modelId);
  if (own === undefined) return;
  throw usage('material-is-model', 'a model cannot be made from itself', {
    subject: own.name ?? own.uri ?? name,
    got: modelId,
    suggestions: ['name the model or dataset that it was made from'],
  });
}
