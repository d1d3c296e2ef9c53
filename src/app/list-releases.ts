import { channelOfKey, type HistoryEntry, layoutOf, releaseOfKey, type Store, type StoreLocation } from '../store/index.ts';
import { mapBounded } from './map-bounded.ts';
import { type ChannelRow, type ListingOptions, RecordReader, type ReleaseRow } from './record-rows.ts';

/** What a store has of one model. */
export interface ModelListing {
  readonly url: string;
  readonly name: string;
  /** Whether signatures were verified at all. */
  readonly isVerified: boolean;
  /** How many releases there are, also where only the newest is shown. */
  readonly count: number;
  /** The newest first. */
  readonly releases: readonly ReleaseRow[];
  readonly channels: readonly ChannelRow[];
}

/** How the releases of a model are listed. */
export interface ListReleasesOptions extends ListingOptions {
  readonly store: Store;
  /** How many of the newest releases are read; all unless given. */
  readonly newest?: number | undefined;
}

/**
 * Lists the releases and channels of a model. A record that cannot be read is a row that says so.
 *
 * @param location without a reference
 * @throws MlsignError what the store throws for a listing
 */
export async function listReleases(location: StoreLocation, options: ListReleasesOptions): Promise<ModelListing> {
  const { store, newest = Number.POSITIVE_INFINITY, signal } = options;
  const layout = layoutOf(location);
  const reader = new RecordReader(store, location, options);
  const numbers = await versionsBy(store, layout.releases, (key) => releaseOfKey(layout, key), signal);
  const names = await versionsBy(store, layout.channels, (key) => channelOfKey(layout, key), signal);
  const shown = [...numbers].sort(([a], [b]) => b - a).slice(0, newest);
  return {
    url: location.url,
    name: location.name,
    isVerified: options.policy !== undefined,
    count: numbers.size,
    releases: await mapBounded(shown, ([number, entries]) => reader.release(number, entries), signal),
    channels: await mapBounded([...names], ([name, entries]) => reader.channel(name, entries), signal),
  };
}

/** Every version beneath a prefix by what its key names; other keys are not ours. */
async function versionsBy<T>(store: Store, prefix: string, nameOf: (key: string) => T | undefined, signal?: AbortSignal) {
  const found = new Map<T, HistoryEntry[]>();
  for await (const entry of store.history(prefix, signal)) {
    const name = nameOf(entry.key);
    if (name === undefined) continue;
    const entries = found.get(name) ?? [];
    entries.push(entry);
    found.set(name, entries);
  }
  return found;
}
