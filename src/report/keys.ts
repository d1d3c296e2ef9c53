import type { CreatedKmsKey, ExportedKmsKey, ListedKmsKey } from '../app/index.ts';
import { escapeText } from './escape.ts';
import { formatCount } from './quantity.ts';
import type { Style } from './style.ts';

/** What `mlsign keys create --json` prints: `schemas/keys-create.schema.json`. */
export function createdKeyDocument({ arn, alias, spec, signers }: CreatedKmsKey): object {
  return { type: 'https://mlsign/keys-create-result/v1', arn, alias, spec, signers };
}

/** A key that was made, for people. */
export function createdKeyText({ arn, alias, spec, signers }: CreatedKmsKey, style: Style): string {
  const who = signers.length === 0 ? 'whoever IAM policies of the account allow kms:Sign' : signers.map(escapeText).join(', ');
  return [
    `${style.good('created')}  ${style.bold(escapeText(alias))}  ${spec}`,
    `key      ${escapeText(arn)}`,
    `signers  ${who}`,
    `next     mlsign keys public ${escapeText(arn)} --output-file model.pub  ${style.dim('for those who verify')}`,
    '',
  ].join('\n');
}

/** What `mlsign keys list --json` prints: `schemas/keys-list.schema.json`. */
export function listedKeysDocument(keys: readonly ListedKmsKey[]): object {
  return { type: 'https://mlsign/keys-list/v1', keys };
}

/** The keys of an account, for people: an ARN a line. */
export function listedKeysText(keys: readonly ListedKmsKey[], style: Style): string {
  const lines = keys.map(({ arn, aliases }) =>
    `${escapeText(arn)}  ${aliases.map((name) => style.bold(escapeText(name))).join(' ')}`.trimEnd(),
  );
  return [...lines, style.dim(formatCount(keys.length, 'key')), ''].join('\n');
}

/** What `mlsign keys public --json` prints: `schemas/keys-public.schema.json`. */
export function exportedKeyDocument({ arn, spec, scheme, hint, pem }: ExportedKmsKey): object {
  return { type: 'https://mlsign/keys-public/v1', arn, spec, scheme, hint, public_key: pem };
}
