import { Decoder, isJsonObject, type JsonValue } from '../core/index.ts';
import { parseStatement } from './statement.ts';

/** The predicate type of an evaluation, unless somebody uses another one. */
export const EVALUATION_TYPE = 'https://mlsign/evaluation/v1';

const HEX_64 = /^[0-9a-f]{64}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;
const MAX_METRICS = 10_000;

/** What any statement about one model says that a policy can ask for. */
export interface ModelClaim {
  readonly predicateType: string;
  readonly modelId: string;
  /** `predicate.issued`, where it is there. */
  readonly issued?: Date | undefined;
  /** `predicate.metrics`: what was measured, by name. */
  readonly metrics: ReadonlyMap<string, number>;
}

/**
 * Reads what a statement of any type says about one model: when it was issued and what was measured. Whatever else its
 * predicate says is left alone, but these two are what they must be, or the statement counts for nothing.
 *
 * @param where names the bundle in errors
 * @throws MlsignError `evaluation-malformed`, and what `parseStatement` throws
 */
export function parseModelClaim(payload: Uint8Array, where: string): ModelClaim {
  const { predicateType, subject, predicate } = parseStatement(payload, where);
  const decoder = new Decoder();
  const [first, ...others] = subject;
  if (others.length > 0) decoder.problem('subject', 'exactly 1 entry', subject.length);
  const modelId = decoder.string(first?.digests.mlsignModel, 'subject[0].digest.mlsignModel', HEX_64, '64 lower-case hex digits');
  const fields = isJsonObject(predicate) ? predicate : {};
  const issued = Object.hasOwn(fields, 'issued') ? decodeTime(decoder, fields.issued) : undefined;
  const metrics = Object.hasOwn(fields, 'metrics') ? decodeMetrics(decoder, fields.metrics) : new Map();
  decoder.finish('evaluation-malformed', 'statement', where);
  return { predicateType, modelId, ...(issued === undefined ? {} : { issued }), metrics };
}

function decodeTime(decoder: Decoder, value: JsonValue | undefined): Date {
  const text = decoder.string(value, 'predicate.issued', TIME, 'a moment such as 2026-03-01T12:00:00Z');
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  if (text !== '') decoder.problem('predicate.issued', 'a moment that exists', text);
  return new Date(0);
}

function decodeMetrics(decoder: Decoder, value: JsonValue | undefined): ReadonlyMap<string, number> {
  const fields = decoder.object(value, 'predicate.metrics');
  const names = fields.keys();
  if (names.length > MAX_METRICS) decoder.problem('predicate.metrics', `at most ${MAX_METRICS} entries`, names.length);
  const metrics = new Map<string, number>();
  for (const name of names.slice(0, MAX_METRICS)) {
    const metric = fields.raw(name);
    // JSON has no NaN, but 1e999 is read as Infinity.
    if (typeof metric === 'number' && Number.isFinite(metric)) metrics.set(name, metric);
    else decoder.problem(`predicate.metrics.${name}`, 'a finite number', metric);
  }
  return metrics;
}
