import type { SignerGroups } from './policy.ts';

/** Where a revocation list is. */
export type RevocationPlace =
  /** Absolute. */
  | { readonly kind: 'file'; readonly path: string }
  /** The prefix of a store, as `mlsign ls` takes it; the store that the release lies in unless given. */
  | { readonly kind: 'store'; readonly url?: string | undefined };

/** A revocation list that must be there, and whose word it is. */
export interface RevocationRule {
  readonly place: RevocationPlace;
  /** The revokers. */
  readonly signedBy: SignerGroups;
  /** What the list is called; after its place unless given. */
  readonly name?: string | undefined;
}
