import { MlsignError } from '../core/index.ts';
import { listReleases, newestRelease } from '../release/index.ts';
import { layoutOf, type Store, type StoreLocation } from '../store/index.ts';
import type { PushContents } from './plan-push.ts';

/** What a store has of a push, as far as it may be listed. */
export interface PlannedTransfer {
  /** Sizes by key of what is there. */
  readonly present: ReadonlyMap<string, number>;
  /** The number of the next release; undefined where it may not be listed. */
  readonly next?: number | undefined;
}

/** Looks at what is there already, without writing anything; by names and sizes alone. */
export async function planTransfer(
  store: Store,
  location: StoreLocation,
  { modelId, files }: Pick<PushContents, 'modelId' | 'files'>,
  signal?: AbortSignal,
): Promise<PlannedTransfer> {
  const present = new Map<string, number>();
  const keys = new Set(files.map(({ key }) => key));
  try {
    for await (const { key, size, isCurrent, isDeleted } of store.history(layoutOf(location).files(modelId), signal)) {
      if (isCurrent && !isDeleted && keys.has(key)) present.set(key, size);
    }
    const newest = newestRelease(await listReleases(store, location, signal));
    return { present, next: (newest?.number ?? 0) + 1 };
  } catch (error) {
    if (error instanceof MlsignError && error.code === 'object-forbidden') return { present };
    throw error;
  }
}
