import { MlsignError, unavailable } from '../core/index.ts';
import { escapeText, excerpt } from './escape.ts';
import type { Style } from './style.ts';

/** What every command prints with `--json` when it could not be done: `schemas/error.schema.json`. */
export interface ErrorDocument {
  readonly type: 'https://mlsign/error/v1';
  readonly code: string;
  readonly message: string;
  readonly subject?: string;
  readonly expected?: string;
  readonly got?: string;
  readonly suggestions: readonly string[];
}

/** An error as data. */
export function errorDocument(error: MlsignError): ErrorDocument {
  return {
    type: 'https://mlsign/error/v1',
    code: error.code,
    message: error.message,
    ...(error.subject === undefined ? {} : { subject: error.subject }),
    ...(error.expected === undefined ? {} : { expected: error.expected }),
    ...(error.got === undefined ? {} : { got: error.got }),
    suggestions: error.suggestions,
  };
}

/** An error for people: what failed, on what, expected and got, and what to do. */
export function errorText(error: MlsignError, style: Style): string {
  const subject = error.subject === undefined ? '' : `: ${excerpt(error.subject)}`;
  const lines = [`${style.bad('error')}: ${escapeText(error.message)}${subject} ${style.dim(`[${error.code}]`)}`];
  if (error.expected !== undefined) lines.push(`  expected  ${excerpt(error.expected)}`);
  if (error.got !== undefined) lines.push(`  got       ${excerpt(error.got)}`);
  for (const suggestion of error.suggestions) lines.push(`  try       ${escapeText(suggestion)}`);
  return `${lines.join('\n')}\n`;
}

/** Whatever was thrown, as one of ours; what is not is a bug in mlsign. */
export function asMlsignError(thrown: unknown): MlsignError {
  if (thrown instanceof MlsignError) return thrown;
  if (thrown instanceof Error && 'syscall' in thrown && thrown.syscall === 'uv_cwd') {
    return unavailable('directory-gone', 'the working directory is not there any more', {
      suggestions: ['change to one that is'],
      cause: thrown,
    });
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new MlsignError('bug', 'internal-error', `a bug in mlsign: ${message}`, {
    suggestions: ['run again with MLSIGN_DEBUG=1 for the stack trace, and report it'],
    cause: thrown,
  });
}
