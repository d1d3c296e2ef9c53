import type { SignerGroups } from './policy.ts';

/** Whose verification summary is accepted instead of looking at signatures, lineage, attestations and formats again. */
export interface VsaRule {
  /** The gatekeepers: of each group, the one signer must be a member. */
  readonly signedBy: SignerGroups;
  /** The one verifier in whose name they may sign: a URI. */
  readonly verifier: string;
  /** In milliseconds. */
  readonly maxAge: number;
  /** SHA-256, hex, of the policy file under which they verified; of this very file unless given. */
  readonly policy?: string | undefined;
  /** Where models on disk were verified: a pattern of URIs; their own place unless given. Releases are verified where they lie. */
  readonly resource?: string | undefined;
}
