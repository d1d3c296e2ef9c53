import { Decoder, isJsonObject, type JsonObject, type JsonValue, jsonEntries, MlsignError, parseJson, refused } from '../core/index.ts';
import { STATEMENT_LIMITS } from './limits.ts';

/** The `_type` of an in-toto statement v1. */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

/** A hostile statement may be wrong a million times; the first ones say enough. */
const MAX_PROBLEMS = 100;

/** One artifact that a statement is about. */
export interface Subject {
  readonly name: string;
  /** Digests by algorithm name; at least one. */
  readonly digests: JsonObject;
  readonly annotations: JsonValue | undefined;
}

/** An in-toto statement v1 whose predicate is yet to be read. */
export interface Statement {
  readonly predicateType: string;
  readonly subject: readonly Subject[];
  readonly predicate: JsonValue;
}

/**
 * Reads an in-toto statement v1 from the payload of an envelope.
 *
 * @param where names the bundle in errors
 * @throws MlsignError `statement-malformed`, `statement-type-unknown`, and what `parseJson` throws
 */
export function parseStatement(payload: Uint8Array, where: string): Statement {
  const decoder = new Decoder();
  const fields = decoder.object(parseJson(payload, where, STATEMENT_LIMITS), '');
  const type = fields.string('_type');
  if (fields.present && type !== '' && type !== STATEMENT_TYPE) {
    throw refused('statement-type-unknown', 'the signed payload is not an in-toto statement v1', {
      subject: where,
      expected: STATEMENT_TYPE,
      got: type,
    });
  }
  const predicateType = fields.string('predicateType');
  const subject = parseSubjects(decoder, fields.array('subject', 1));
  const predicate = fields.raw('predicate') ?? null;
  if (fields.present && !fields.has('predicate')) decoder.problem('predicate', 'an object', undefined);
  fields.done();
  decoder.finish('statement-malformed', 'signed statement', where);
  return { predicateType, subject, predicate };
}

function parseSubjects(decoder: Decoder, values: readonly JsonValue[]): readonly Subject[] {
  const subjects: Subject[] = [];
  for (const [i, value] of values.entries()) {
    if (decoder.problems.length >= MAX_PROBLEMS) break;
    if (isJsonObject(value)) subjects.push(parseSubject(decoder, value, i));
    else decoder.problem(`subject[${i}]`, 'an object', value);
  }
  return subjects;
}

/** Paths are made only for what is wrong, as there may be a quarter of a million subjects. */
function parseSubject(decoder: Decoder, { name, digest, annotations }: JsonObject, i: number): Subject {
  const isNamed = typeof name === 'string' && name !== '';
  if (!isNamed) decoder.problem(`subject[${i}].name`, 'a non-empty string', name);
  return { name: isNamed ? name : '', digests: parseDigests(decoder, digest, i), annotations };
}

function parseDigests(decoder: Decoder, digests: JsonValue | undefined, i: number): JsonObject {
  if (!isJsonObject(digests)) {
    decoder.problem(`subject[${i}].digest`, 'an object', digests);
    return {};
  }
  const algorithms = Object.keys(digests);
  if (algorithms.length === 0) decoder.problem(`subject[${i}].digest`, 'at least one digest', digests);
  for (const algorithm of algorithms) {
    const digest = digests[algorithm];
    if (typeof digest === 'string' && digest !== '') continue;
    decoder.problem(`subject[${i}].digest.${algorithm}`, 'a non-empty string', digest);
    if (decoder.problems.length >= MAX_PROBLEMS) break;
  }
  return digests;
}

/**
 * Whether a payload claims a predicate type, literally and once, by a look that makes nothing of the rest: for what must be
 * known before its signature is verified. False where the payload is not one JSON object.
 */
export function claimsPredicateType(payload: Uint8Array, type: string): boolean {
  const json = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const claim = JSON.stringify(type);
  if (json[0] !== 0x7b || !json.includes(claim)) return false;
  const unreadable = (): MlsignError => refused('json-invalid', 'not JSON');
  const claims: string[] = [];
  try {
    for (const { name, value } of jsonEntries(json, 1, unreadable)) {
      if (name.toString('latin1') === '"predicateType"') claims.push(value.toString('latin1', 0, claim.length + 1).trimEnd());
      if (claims.length > 1) return false;
    }
  } catch (error) {
    if (error instanceof MlsignError) return false;
    throw error;
  }
  return claims[0] === claim;
}
