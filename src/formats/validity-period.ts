import type { Decoder, Fields } from '../core/index.ts';

/** When something may be relied on: both ends belong to it, and an end that is left out is open. */
export interface ValidityPeriod {
  readonly start: Date | undefined;
  readonly end: Date | undefined;
}

// RFC 3339 as protobuf's JSON writes it.
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** Whether a moment lies within a period. */
export function isWithin({ start, end }: ValidityPeriod, at: Date): boolean {
  return (start === undefined || start <= at) && (end === undefined || at <= end);
}

/** Reads the optional field `validFor` of a Sigstore document. */
export function decodeValidity(decoder: Decoder, fields: Fields): ValidityPeriod {
  if (!fields.has('validFor')) return { start: undefined, end: undefined };
  const period = fields.object('validFor');
  const validity = { start: decodeTime(decoder, period, 'start'), end: decodeTime(decoder, period, 'end') };
  if (validity.start !== undefined && validity.end !== undefined && validity.end < validity.start) {
    decoder.problem(period.at('end'), 'a time after the start', period.raw('end'));
  }
  period.done();
  return validity;
}

function decodeTime(decoder: Decoder, fields: Fields, name: string): Date | undefined {
  if (!fields.has(name)) return undefined;
  const text = fields.string(name, TIMESTAMP, 'a time such as 2026-01-31T12:00:00Z');
  const time = new Date(text);
  if (text === '' || !Number.isNaN(time.getTime())) return time;
  decoder.problem(fields.at(name), 'a time such as 2026-01-31T12:00:00Z', text);
  return undefined;
}
