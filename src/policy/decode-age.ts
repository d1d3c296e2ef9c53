import type { Fields } from '../core/index.ts';

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const AGE = /^([1-9]\d{0,5})([mhdw])$/;

/** Reads how old something may be, such as `30d` or `12h`; in milliseconds. */
export function decodeAge(fields: Fields, name: string): number {
  const [, count = '0', unit = ''] = AGE.exec(fields.string(name, AGE, 'an age such as 90m, 12h, 30d or 4w')) ?? [];
  return Number(count) * (UNITS[unit] ?? 0);
}
