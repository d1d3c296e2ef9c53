import { listChannels, listReleases as listRecords } from '../release/index.ts';
import { inParallel, READS_AT_ONCE, type Store, type StoreLocation } from '../store/index.ts';
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

/** Records are up to megabytes. */
const RECORDS_AT_A_TIME = 4;

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
  const reader = new RecordReader(store, location, options);
  const listed = await listRecords(store, location, signal);
  const channels = await listChannels(store, location, signal);
  return {
    url: location.url,
    name: location.name,
    isVerified: options.policy !== undefined,
    count: listed.length,
    releases: await inParallel(listed.slice(0, newest), RECORDS_AT_A_TIME, signal, ({ number, entries }) =>
      reader.release(number, entries),
    ),
    channels: await inParallel(channels, READS_AT_ONCE, signal, ({ channel, entries }) => reader.channel(channel, entries)),
  };
}
