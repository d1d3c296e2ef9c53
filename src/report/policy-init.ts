import type { InitialPolicy } from '../app/index.ts';
import { escapeText } from './escape.ts';
import type { Style } from './style.ts';
import { verificationDocument, verificationText } from './verification.ts';

/** What `mlsign policy init --json` prints: `schemas/policy-init.schema.json`. */
export function initialPolicyDocument({ verification, text }: InitialPolicy, path: string | undefined): object {
  return {
    type: 'https://mlsign/policy-init/v1',
    ...(text === undefined ? {} : { policy: text, ...(path === undefined ? {} : { path }) }),
    verification: verificationDocument(verification),
  };
}

/** The policy itself where it goes to standard output, or where it went; why there is none where the model did not pass. */
export function initialPolicyText({ verification, text }: InitialPolicy, path: string | undefined, style: Style): string {
  if (text === undefined) return verificationText(verification, style);
  if (path === undefined) return text;
  return [
    `${style.good('written')}  ${style.bold(escapeText(path))}`,
    `next     mlsign policy check ${escapeText(path)}`,
    `         mlsign sign ${escapeText(path)} --key policy.key  ${style.dim('for --policy-key')}`,
    '',
  ].join('\n');
}
