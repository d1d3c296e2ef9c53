import type { RevocationUpdate } from '../app/index.ts';
import type { Revocation } from '../lineage/index.ts';
import { escapeText } from './escape.ts';
import { findingLines } from './findings.ts';
import type { Style } from './style.ts';
import { revocationsDocument } from './verification.ts';

/** What `mlsign revoke --json` prints: `schemas/revoke.schema.json`. */
export function revokeDocument({ list, entries: [entry, ...further], outcome, checks, findings }: RevocationUpdate): object {
  return {
    type: 'https://mlsign/revoke/v1',
    outcome,
    list: revocationsDocument(list),
    ...(entry === undefined ? {} : { entry: revocationDocument(entry) }),
    ...(further.length === 0 ? {} : { further: further.map(revocationDocument) }),
    checks,
    findings,
  };
}

function revocationDocument({ kind, value, issuer, since, reason, added }: Revocation): object {
  return {
    kind,
    value,
    ...(issuer === undefined ? {} : { issuer }),
    ...(since === undefined ? {} : { since: since.toISOString() }),
    reason,
    added: added.toISOString(),
  };
}

/** What was revoked, for people. */
export function revokeText({ list, entries: [entry, ...further], outcome, findings }: RevocationUpdate, style: Style): string {
  const done = outcome === 'unchanged' ? 'revoked already' : outcome === 'begun' && entry !== undefined ? 'revoked' : outcome;
  const lines = [`${style.good(style.bold(done))}  ${style.bold(escapeText(entry?.value ?? list.name))}`];
  for (const { value } of further) lines.push(`also       ${escapeText(value)}  ${style.dim('the same model, signed in another way')}`);
  if (entry !== undefined) lines.push(`reason     ${escapeText(entry.reason)}`);
  if (entry?.since !== undefined)
    lines.push(`since      ${entry.since.toISOString()}  ${style.dim('signatures that are proven to be older still count')}`);
  lines.push(
    `list       ${escapeText(list.place)}  ${style.dim(escapeText(list.name))}`,
    `sequence   ${list.sequence}`,
    `entries    ${list.entries}`,
    `expires    ${list.expires.toISOString()}`,
    `signer     ${escapeText(list.signer)}`,
  );
  if (findings.length > 0) lines.push('findings', ...findingLines(findings, style));
  if (outcome === 'revoked')
    lines.push(style.dim('those who verify see it once they have this list: mlsign affected shows what it reaches'));
  return `${lines.join('\n')}\n`;
}
