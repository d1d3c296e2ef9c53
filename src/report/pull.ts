import type { PulledModel } from '../app/index.ts';
import { escapeText } from './escape.ts';
import type { Style } from './style.ts';
import { verificationDocument, verificationText } from './verification.ts';

/** What `mlsign pull --json` prints: `schemas/pull.schema.json`. */
export function pullDocument(pulled: PulledModel): object {
  const { verdict, directory, lockFile } = pulled;
  return {
    type: 'https://mlsign/pull-result/v1',
    verdict,
    directory,
    is_complete: verdict === 'verified',
    ...(lockFile === undefined ? {} : { lock_file: lockFile }),
    verification: verificationDocument(pulled),
  };
}

/** What was pulled, for people. */
export function pullText(pulled: PulledModel, style: Style): string {
  const { verdict, directory, lockFile } = pulled;
  const isPulled = verdict === 'verified';
  const lines = [
    isPulled
      ? `${style.good(style.bold('pulled'))}  ${style.bold(escapeText(directory))}`
      : `${style.bad(style.bold('not pulled'))}  ${escapeText(directory)}`,
  ];
  if (lockFile !== undefined) lines.push(`lock file  ${escapeText(lockFile)}`);
  return `${lines.join('\n')}\n${verificationText(pulled, style)}`;
}
