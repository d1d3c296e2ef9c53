import { type Decoder, type Fields, refused } from '../core/index.ts';
import type { Statement } from '../formats/index.ts';

export const SHA256 = /^[0-9a-f]{64}$/;
export const MODEL_ID = SHA256;
/** Fifteen digits, as locations and keys write release numbers. */
export const LARGEST_RELEASE = 999_999_999_999_999;

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$/;

/** Reads a moment in UTC, to the second or the millisecond. */
export function decodeTime(decoder: Decoder, fields: Fields, name: string): Date {
  const text = fields.string(name, TIME, 'a moment such as 2026-03-01T12:00:00Z');
  const time = new Date(text);
  // Date takes the 31st of February for the 2nd of March.
  if (!Number.isNaN(time.getTime()) && time.toISOString().slice(0, 19) === text.slice(0, 19)) return time;
  if (text !== '') decoder.problem(fields.at(name), 'a moment that exists', text);
  return new Date(0);
}

/**
 * Refuses a statement about something else: a signer's other statements must never pass for this one.
 *
 * @throws MlsignError `predicate-type-unknown`
 */
export function refuseOtherType({ predicateType }: Statement, expected: string, what: string, where: string): void {
  if (predicateType === expected) return;
  throw refused('predicate-type-unknown', `the signed statement is not ${what}`, { subject: where, expected, got: predicateType });
}

/** Notes where the subject is not exactly the model that the predicate is about. */
export function checkSubject(decoder: Decoder, { subject }: Statement, { name, modelId }: { name: string; modelId: string }): void {
  const [first, ...others] = subject;
  if (others.length > 0) decoder.problem('subject', 'exactly 1 entry', subject.length);
  if (first === undefined) return;
  if (first.name !== name) decoder.problem('subject[0].name', 'the name in the predicate', first.name);
  const { mlsignModel, ...rest } = first.digests;
  if (mlsignModel !== modelId) decoder.problem('subject[0].digest.mlsignModel', 'the model id in the predicate', mlsignModel);
  for (const algorithm of Object.keys(rest)) decoder.problem(`subject[0].digest.${algorithm}`, 'no such field', rest[algorithm]);
  if (first.annotations !== undefined) decoder.problem('subject[0].annotations', 'no such field', first.annotations);
}
