import { channelOfKey, type HistoryEntry, layoutOf, releaseOfKey, type Store, type StoreLocation } from '../store/index.ts';
import { LARGEST_JUMP } from './judge-sequence.ts';

/** A release that there is, or was; nothing of it is verified. */
export interface ListedRelease {
  readonly number: number;
  /** Versions of its record, newest first: the newest, what readers get, and the newest that is not deleted; not all there are. */
  readonly entries: readonly HistoryEntry[];
}

/** A channel that there is, or was. */
export interface ListedChannel {
  readonly channel: string;
  /** Versions of its pointer, as of a record. */
  readonly entries: readonly HistoryEntry[];
}

/** Every release of a model, deleted ones included, the newest number first. */
export async function listReleases(store: Store, location: StoreLocation, signal?: AbortSignal): Promise<readonly ListedRelease[]> {
  const layout = layoutOf(location);
  const releases = await grouped(store.history(layout.releases, signal), (key) => releaseOfKey(layout, key));
  return [...releases].map(([number, entries]) => ({ number, entries })).sort((a, b) => b.number - a.number);
}

/**
 * The release with the highest number. What lies far above all others does not count: whoever may write could use up the
 * numbers with one object.
 *
 * @param releases the newest number first
 */
export function newestRelease(releases: readonly ListedRelease[]): ListedRelease | undefined {
  let newest: ListedRelease | undefined;
  for (const release of releases.toReversed()) {
    if (release.number - (newest?.number ?? 0) > LARGEST_JUMP) break;
    newest = release;
  }
  return newest;
}

/** Every channel of a model, deleted ones included, by name. */
export async function listChannels(store: Store, location: StoreLocation, signal?: AbortSignal): Promise<readonly ListedChannel[]> {
  const layout = layoutOf(location);
  const channels = await grouped(store.history(layout.channels, signal), (key) => channelOfKey(layout, key));
  return [...channels].map(([channel, entries]) => ({ channel, entries }));
}

async function grouped<K>(
  history: AsyncIterable<HistoryEntry>,
  idOf: (key: string) => K | undefined,
): Promise<ReadonlyMap<K, HistoryEntry[]>> {
  const groups = new Map<K, HistoryEntry[]>();
  for await (const entry of history) {
    const id = idOf(entry.key);
    if (id === undefined) continue;
    const known = groups.get(id);
    if (known === undefined) groups.set(id, [entry]);
    else if (entry.isCurrent || (!entry.isDeleted && known.every(({ isDeleted }) => isDeleted))) known.push(entry);
  }
  return groups;
}
