import { MlsignError } from '../core/index.ts';
import type { Rule } from '../policy/index.ts';
import type { Store, StoreLocation } from '../store/index.ts';
import type { EvidenceOptions } from './open-signatures.ts';
import { pointerHistory } from './pointer-history.ts';
import { releaseTrust } from './release-trust.ts';

/**
 * The newest other release that a channel has pointed to: what it can be rolled back to. Undefined where there is none, or
 * where its history may not be read.
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
    for (const { content } of versions) {
      if (content.kind === 'pointer' && content.verified !== undefined && content.pointer.release.number !== number) {
        return content.pointer.release.number;
      }
    }
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
  }
  return undefined;
}
