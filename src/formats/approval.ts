import { Decoder, type Fields, refused } from '../core/index.ts';
import { MATERIAL_NAME } from './material.ts';
import { type ModelSubject, subjectsOf } from './predicate.ts';
import { parseStatement, STATEMENT_TYPE } from './statement.ts';

/** The predicate type of an approval. */
export const APPROVAL_TYPE = 'https://mlsign/approval/v1';

/** What the role of an approver is called. */
export const APPROVAL_ROLE = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
/** Why: one line. */
export const APPROVAL_REASON = /^\P{Cc}{1,1000}$/u;

/** That somebody agrees, in a role, that a model is used. */
export interface Approval {
  readonly subject: ModelSubject;
  readonly role: string;
  readonly reason?: string | undefined;
  readonly issued: Date;
  readonly expires?: Date | undefined;
}

/** The approval as the in-toto statement to sign. */
export function approvalPayload({ subject, role, reason, issued, expires }: Approval): Uint8Array {
  const statement = {
    _type: STATEMENT_TYPE,
    subject: subjectsOf(subject),
    predicateType: APPROVAL_TYPE,
    predicate: {
      role,
      ...(reason === undefined ? {} : { reason }),
      issued: issued.toISOString(),
      ...(expires === undefined ? {} : { expires: expires.toISOString() }),
    },
  };
  return Buffer.from(JSON.stringify(statement));
}

const HEX_64 = /^[0-9a-f]{64}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/**
 * Reads an approval strictly: about one model, and nothing that is not known.
 *
 * @param where names the bundle in errors
 * @throws MlsignError `approval-malformed`, `predicate-type-unknown`, and what `parseStatement` throws
 */
export function parseApproval(payload: Uint8Array, where: string): Approval {
  const { predicateType, subject, predicate } = parseStatement(payload, where);
  if (predicateType !== APPROVAL_TYPE) {
    throw refused('predicate-type-unknown', 'the signed statement is not an approval', {
      subject: where,
      expected: APPROVAL_TYPE,
      got: predicateType,
    });
  }
  const decoder = new Decoder();
  const [first, ...others] = subject;
  if (others.length > 0) decoder.problem('subject', 'exactly 1 entry', subject.length);
  const { dirHash } = first?.digests ?? {};
  const fields = decoder.object(predicate, 'predicate');
  const approval: Approval = {
    subject: {
      name: decoder.string(first?.name, 'subject[0].name', MATERIAL_NAME, 'a name of at most 1,024 characters'),
      modelId: decoder.string(first?.digests.mlsignModel, 'subject[0].digest.mlsignModel', HEX_64, '64 lower-case hex digits'),
      ...(dirHash === undefined
        ? {}
        : { dirHash: decoder.string(dirHash, 'subject[0].digest.dirHash', HEX_64, '64 lower-case hex digits') }),
    },
    role: fields.string('role', APPROVAL_ROLE, 'a role'),
    ...(fields.has('reason') ? { reason: fields.string('reason', APPROVAL_REASON, 'one line of at most 1,000 characters') } : {}),
    issued: decodeTime(decoder, fields, 'issued'),
    ...(fields.has('expires') ? { expires: decodeTime(decoder, fields, 'expires') } : {}),
  };
  fields.done();
  if (approval.expires !== undefined && approval.expires <= approval.issued)
    decoder.problem('predicate.expires', 'a moment after "issued"', fields.raw('expires'));
  decoder.finish('approval-malformed', 'approval', where);
  return approval;
}

function decodeTime(decoder: Decoder, fields: Fields, name: string): Date {
  const text = fields.string(name, TIME, 'a moment such as 2026-03-01T12:00:00.000Z');
  const time = new Date(text);
  // Date takes the 31st of February for the 2nd of March.
  if (!Number.isNaN(time.getTime()) && time.toISOString() === text) return time;
  if (text !== '') decoder.problem(fields.at(name), 'a moment that exists', text);
  return new Date(0);
}
