import { MATERIAL_ROLES } from '../formats/index.ts';
import { covers } from './pattern.ts';
import type { Requirement } from './policy.ts';

/** What a part of a lineage is: the model itself, or what one of its ancestors was to a model. */
export const LINEAGE_ROLES = ['model', ...MATERIAL_ROLES] as const;
export type LineageRole = (typeof LINEAGE_ROLES)[number];

/** What must hold for the ancestors of a model that have one role, wherever in its lineage they stand. */
export interface LineageRule {
  /** Who must have signed them, and what is said of where they come from. For the model itself: who may say that of it. */
  readonly signedBy?: readonly Requirement[] | undefined;
  /** Patterns, one of which the URI must match; any URI without. */
  readonly from: readonly string[];
  /** Builders that those signers may name; any without. */
  readonly builders: readonly string[];
  /** Whether one that must be signed and is not found leaves the verdict open. For the model itself: its provenance. */
  readonly required: boolean;
  /** How many of them the model itself must name. */
  readonly minimum: number;
}

/** What a rule asks of lineage, by role; nothing where it is empty. */
export type LineageRules = ReadonlyMap<LineageRole, LineageRule>;

/** Whether a text is a role that a rule may speak of. */
export function isLineageRole(text: string): text is LineageRole {
  return LINEAGE_ROLES.some((role) => role === text);
}

/**
 * Whether a URI is at one of some places: `*` stands for any part of one segment, `**` for any number of segments. One with
 * empty, `.` or `..` segments is at none, because readers disagree about where that is.
 */
export function isFrom(patterns: readonly string[], uri: string | undefined): boolean {
  if (patterns.length === 0) return true;
  if (uri === undefined) return false;
  const path = uri.replace(/^[^:]*:\/{0,3}/, '').split(/[?#]/, 1)[0] ?? '';
  if (path.split('/').some((segment) => /^(?:|\.|\.\.)$/.test(decodeDots(segment)))) return false;
  return patterns.some((pattern) => covers(pattern, uri));
}

function decodeDots(segment: string): string {
  return segment.replace(/%2e/gi, '.');
}

/** Why a text is no pattern of URIs; undefined where it is one. */
export function fromPatternProblem(text: string): string | undefined {
  if (!/^(?:\*\*|[A-Za-z][A-Za-z0-9+.-]*:)[\x21-\x7e]*$/.test(text))
    return 'a URI with "*" and "**", such as s3://models/** or git+https://example.com/**';
  const segments = text.split('/');
  if (segments.some((segment) => segment.includes('**') && segment !== '**')) return '"**" as a whole segment';
  if (segments.some((segment, index) => segment === '**' && segments[index + 1] === '**')) return 'one "**" where two follow each other';
  return undefined;
}
