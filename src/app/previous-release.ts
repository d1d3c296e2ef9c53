import { MlsignError } from '../core/index.ts';
import type { Rule } from '../policy/index.ts';
import type { Store, StoreLocation } from '../store/index.ts';
import { verifiedPointers } from './channel-standing.ts';
import type { EvidenceOptions } from './open-signatures.ts';
import { pointerHistory } from './pointer-history.ts';
import { releaseBefore } from './release-before.ts';
import { releaseTrust } from './release-trust.ts';

/**
 * What a channel can be rolled back to from a release, as `mlsign rollback` would. Undefined where there is nothing, or where
 * its history may not be read.
 */
export async function previousRelease(
  location: StoreLocation,
  channel: string,
  number: number,
  rule: Rule,
  options: EvidenceOptions & { readonly store: Store; readonly now: Date; readonly signal?: AbortSignal | undefined },
): Promise<number | undefined> {
  const { channel: principals, evidence } = releaseTrust(rule, options, options.now);
  try {
    const trust = { principals: principals(channel), evidence };
    const versions = await pointerHistory(options.store, location, channel, trust, options.signal);
    const pointers = verifiedPointers(versions).map(({ pointer }) => pointer);
    const present = pointers[0]?.release;
    return (present?.number === number ? releaseBefore(pointers) : present)?.number;
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
  }
  return undefined;
}
