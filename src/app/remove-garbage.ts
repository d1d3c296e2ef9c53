import { errorFinding, type Finding, MlsignError } from '../core/index.ts';
import { inParallel, READS_AT_ONCE, type Store } from '../store/index.ts';
import type { GarbageItem } from './collect-garbage.ts';

/** Something that the store does not let go, and why. */
export interface KeptItem {
  readonly item: GarbageItem;
  readonly reason: string;
}

/** What became of garbage. */
export interface RemovedGarbage {
  readonly deleted: number;
  readonly kept: readonly KeptItem[];
  readonly findings: readonly Finding[];
}

/** Deletes versions and uploads; of one key the oldest first, so that nothing older becomes visible on the way. */
export async function removeGarbage(store: Store, items: readonly GarbageItem[], signal?: AbortSignal): Promise<RemovedGarbage> {
  const byKey = new Map<string, GarbageItem[]>();
  for (const item of items) {
    const key = item.kind === 'upload' ? item.upload.key : item.entry.key;
    const ofKey = byKey.get(key) ?? [];
    ofKey.push(item);
    byKey.set(key, ofKey);
  }
  let deleted = 0;
  const kept: KeptItem[] = [];
  const findings: Finding[] = [];
  const removeKey = async (ofKey: readonly GarbageItem[]): Promise<void> => {
    let hasOlder = false;
    // Newest first, as they were listed.
    for (const item of ofKey.toReversed()) {
      if (hasOlder && item.kind !== 'upload' && item.entry.isCurrent) {
        kept.push({ item, reason: 'without it, an older version that stays would be what readers get' });
        continue;
      }
      const error = await attempt(store, item, signal);
      if (error === undefined) {
        deleted++;
        continue;
      }
      hasOlder = true;
      if (error.code === 'object-locked') kept.push({ item, reason: error.message });
      else findings.push({ ...errorFinding(error, store.url), severity: 'undetermined' });
    }
  };
  await inParallel([...byKey.values()], READS_AT_ONCE, signal, removeKey);
  return { deleted, kept, findings };
}

async function attempt(store: Store, item: GarbageItem, signal: AbortSignal | undefined): Promise<MlsignError | undefined> {
  try {
    if (item.kind === 'upload') await store.abandon(item.upload, signal);
    else await store.remove(item.entry, signal);
    return undefined;
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    return error;
  }
}
