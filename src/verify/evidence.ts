import { createHash, type KeyObject } from 'node:crypto';
import { type Check, type Finding, MlsignError } from '../core/index.ts';
import { DerError } from '../formats/index.ts';

/** A moment at which a signature existed, as somebody trusted says. */
export interface ProvenTime {
  readonly time: Date;
  readonly by: 'timestamp-authority' | 'transparency-log';
  /** The name of the authority or log. */
  readonly authority: string;
  /** Hex SHA-256 of the key that the trust rests on; two times with the same one have the same author. */
  readonly id: string;
}

/** A transparency log that is proven to hold the signature. */
export interface LogRecord {
  /** The log's base URL, as the trusted root has it. */
  readonly log: string;
  /** Hex SHA-256 of the log's key; two records with the same one are of the same log. */
  readonly id: string;
  /** The entry's number in the log, decimal. */
  readonly index: string;
}

/** What a bundle brings to prove a time, and that does not. */
export interface IgnoredEvidence {
  readonly kind: 'timestamp' | 'log-entry';
  /** Stable, kebab-case: `timestamp-untrusted`. */
  readonly code: string;
  readonly reason: string;
}

/** What the timestamps and log entries of a bundle prove about one signature. */
export interface Proof {
  readonly times: readonly ProvenTime[];
  readonly logs: readonly LogRecord[];
  readonly ignored: readonly IgnoredEvidence[];
  /** Why the trusted root could not be had, where that keeps evidence from counting. */
  readonly unavailable?: MlsignError | undefined;
  readonly checks: readonly Check[];
}

/** A proof of nothing. */
export const NO_PROOF: Proof = { times: [], logs: [], ignored: [], checks: [] };

/** Why one timestamp or log entry proves nothing. */
export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** An error over one piece of evidence as a reason to ignore it; anything unexpected is thrown on. */
export function reasonToIgnore(kind: IgnoredEvidence['kind'], error: unknown): IgnoredEvidence {
  if (error instanceof EvidenceError) return { kind, code: error.code, reason: error.message };
  if (error instanceof DerError || error instanceof MlsignError) return { kind, code: `${kind}-malformed`, reason: error.message };
  throw error;
}

/** Hex SHA-256 of a public key's SPKI. */
export function keyDigest(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** How many different authors there are. */
export function countDistinct(items: readonly { readonly id: string }[]): number {
  return new Set(items.map(({ id }) => id)).size;
}

/** The finding for evidence that is needed and does not count: why, where the bundle has some, or else that it has none. */
export function missingEvidence(
  proof: Proof,
  kind: IgnoredEvidence['kind'],
  missing: Pick<Finding, 'code' | 'message' | 'subject' | 'expected' | 'suggestion'>,
): Finding {
  if (proof.unavailable !== undefined) {
    const { code, message, suggestions } = proof.unavailable;
    return { ...missing, code, message, severity: 'undetermined', suggestion: suggestions[0] };
  }
  const found = kind === 'timestamp' ? proof.times : proof.logs;
  const got = found.length === 0 ? 'none' : `${countDistinct(found)}`;
  // A log entry would have been a time as well.
  const ignored = proof.ignored.find((entry) => entry.kind === kind) ?? (kind === 'timestamp' ? proof.ignored[0] : undefined);
  if (ignored === undefined) return { ...missing, severity: 'rejected', got };
  return { ...missing, code: ignored.code, message: `${missing.message}: ${ignored.reason}`, severity: 'rejected', got };
}
