import type { Lifetime } from '../app/index.ts';
import { usage } from '../core/index.ts';

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const DURATION = /^(\d{1,9})([smhdw])$/;
const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Reads a duration such as `30d`, `12h` or `90m`.
 *
 * @returns milliseconds
 * @throws MlsignError `duration-invalid`
 */
export function parseDuration(text: string): number {
  const milliseconds = durationOf(text);
  if (milliseconds !== undefined) return milliseconds;
  throw usage('duration-invalid', 'not a duration', { got: text, expected: 'a number with s, m, h, d or w: 12h, 30d' });
}

/**
 * Reads how long a pointer lives: a duration, or a moment such as `2027-01-31` (its beginning, in UTC) or `2027-01-31T12:00:00Z`.
 *
 * @throws MlsignError `expires-invalid`
 */
export function parseLifetime(text: string): Lifetime {
  const milliseconds = durationOf(text);
  if (milliseconds !== undefined) return { kind: 'for', milliseconds };
  const date = momentOf(text);
  if (date !== undefined) return { kind: 'until', date };
  throw usage('expires-invalid', 'neither a duration nor a date', {
    got: text,
    expected: 'a number with s, m, h, d or w (30d), or a date (2027-01-31, 2027-01-31T12:00:00Z)',
  });
}

/**
 * Reads a moment such as `2027-01-31` (its beginning, in UTC) or `2027-01-31T12:00:00Z`.
 *
 * @throws MlsignError `time-invalid`
 */
export function parseMoment(text: string): Date {
  const date = momentOf(text);
  if (date !== undefined) return date;
  throw usage('time-invalid', 'not a moment', { got: text, expected: '2027-01-31, or 2027-01-31T12:00:00Z' });
}

function momentOf(text: string): Date | undefined {
  const date = DATE.test(text) ? new Date(text) : undefined;
  // Date takes the 31st of February for the 2nd of March.
  return date !== undefined && !Number.isNaN(date.getTime()) && isDay(text.slice(0, 10)) ? date : undefined;
}

function durationOf(text: string): number | undefined {
  const [, count, unit = ''] = DURATION.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (UNITS[unit] ?? Number.NaN);
}

function isDay(text: string): boolean {
  const date = new Date(text);
  return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === text;
}
