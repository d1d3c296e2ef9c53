import type { AttestedModel } from '../app/index.ts';
import { attestDocument, attestText } from './attest.ts';
import { escapeText } from './escape.ts';
import type { Style } from './style.ts';

/** What was said. */
export interface GivenApproval {
  readonly role: string;
  readonly reason?: string | undefined;
  readonly issued: Date;
  readonly expires?: Date | undefined;
}

/** What `mlsign approve --json` prints: `schemas/approve.schema.json`. */
export function approveDocument(attested: AttestedModel, { role, reason, issued, expires }: GivenApproval): object {
  const { predicate_type: _, ...document } = attestDocument(attested) as Readonly<Record<string, unknown>>;
  return {
    ...document,
    type: 'https://mlsign/approve-result/v1',
    approval: {
      role,
      ...(reason === undefined ? {} : { reason }),
      issued: issued.toISOString(),
      ...(expires === undefined ? {} : { expires: expires.toISOString() }),
    },
    already: attested.already ?? [],
  };
}

/** What was approved, for people. */
export function approveText(attested: AttestedModel, { role, expires }: GivenApproval, style: Style): string {
  const already = (attested.already ?? []).map((path) => `already    ${escapeText(path)}`);
  const until = expires === undefined ? '' : `, until ${expires.toISOString()}`;
  if (attested.attestations.length === 0 && already.length > 0) {
    const head = `${style.good('approved')}   ${style.bold(escapeText(attested.place))}  before, for ${escapeText(role)}: nothing was written`;
    return `${[head, ...already].join('\n')}\n`;
  }
  const text = attestText(attested, style);
  return attested.attestations.length === 0
    ? text
    : `${[`${style.good('approved')}   for ${style.bold(escapeText(role))}${until}`, ...already, text].join('\n')}`;
}
