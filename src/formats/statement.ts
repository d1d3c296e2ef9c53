import { Decoder, type JsonValue, parseJson, refused } from '../core/index.ts';
import { BUNDLE_LIMITS } from './limits.ts';

/** The `_type` of an in-toto statement v1. */
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';

/** One artifact that a statement is about. */
export interface Subject {
  readonly name: string;
  /** Digests by algorithm name; at least one. */
  readonly digests: ReadonlyMap<string, string>;
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
  const fields = decoder.object(parseJson(payload, where, BUNDLE_LIMITS), '');
  const type = fields.string('_type');
  if (fields.present && type !== '' && type !== STATEMENT_TYPE) {
    throw refused('statement-type-unknown', 'the signed payload is not an in-toto statement v1', {
      subject: where,
      expected: STATEMENT_TYPE,
      got: type,
    });
  }
  const predicateType = fields.string('predicateType');
  const subject = fields.array('subject', 1).map((value, i) => parseSubject(decoder, value, `subject[${i}]`));
  const predicate = fields.raw('predicate') ?? null;
  if (fields.present && !fields.has('predicate')) decoder.problem('predicate', 'an object', undefined);
  fields.done();
  decoder.finish('statement-malformed', 'signed statement', where);
  return { predicateType, subject, predicate };
}

function parseSubject(decoder: Decoder, value: JsonValue, path: string): Subject {
  const fields = decoder.object(value, path);
  const digest = fields.object('digest');
  if (digest.present && digest.keys().length === 0) decoder.problem(digest.path, 'at least one digest', {});
  const digests = new Map(digest.keys().map((algorithm) => [algorithm, digest.string(algorithm)]));
  return { name: fields.string('name'), digests, annotations: fields.raw('annotations') };
}
