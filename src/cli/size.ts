import { usage } from '../core/index.ts';

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/**
 * Reads a size such as `1000000000`, `1GB` (10⁹ bytes) or `64MiB` (64 × 2²⁰ bytes).
 *
 * @returns bytes, a positive integer
 * @throws MlsignError `size-invalid`
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text);
  const factor = match === null ? undefined : FACTORS[match[2] ?? ''];
  const bytes = factor === undefined ? Number.NaN : Number(match?.[1]) * factor;
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw usage('size-invalid', 'not a size', {
    got: text,
    expected: 'bytes, or a number with B, kB, MB, GB, TB, KiB, MiB, GiB or TiB: 64MiB, 1GB',
  });
}
