import { Flags } from '@oclif/core';
import { type ArchiveLimits, DEFAULT_LIMITS } from '../archive/index.ts';
import { usage } from '../core/index.ts';
import { parseSize } from './size.ts';

/** How much of an archive is read before it is refused. */
export const archiveLimitFlags = {
  'archive-limit': Flags.string({
    summary: `Raise or lower a limit on archives: ${limitsText()} (repeatable).`,
    helpValue: 'NAME=N',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: 'HASHING',
  }),
};

/** An archive's own bytes, and not what it holds. */
export const wholeFlag = Flags.boolean({ summary: 'Take an archive as one file, and not as what it holds.', helpGroup: 'HASHING' });

/**
 * The limits that flags ask for.
 *
 * @throws MlsignError `archive-limit-invalid`
 */
export function archiveLimitsOf(given: readonly string[] | undefined): ArchiveLimits | undefined {
  if (given === undefined) return undefined;
  const limits = { ...DEFAULT_LIMITS };
  for (const text of given) {
    const [name = '', value = '', ...rest] = text.split('=');
    if (!isLimit(name) || rest.length > 0) throw invalid(text);
    limits[name] = name === 'bytes' ? parseSize(value) : count(value, text);
  }
  return limits;
}

function count(value: string, text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(value)) throw invalid(text);
  return Number(value);
}

function isLimit(name: string): name is keyof ArchiveLimits {
  return Object.hasOwn(DEFAULT_LIMITS, name);
}

function invalid(got: string) {
  return usage('archive-limit-invalid', 'not a limit on archives', {
    got,
    expected: Object.keys(DEFAULT_LIMITS)
      .map((name) => `${name}=N`)
      .join(', '),
  });
}

function limitsText(): string {
  const { members, bytes, depth, ratio } = DEFAULT_LIMITS;
  return `members=${members}, bytes=${bytes / 2 ** 40}TiB, depth=${depth}, ratio=${ratio} unless given`;
}
