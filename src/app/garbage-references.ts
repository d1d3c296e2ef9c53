import { type Finding, MlsignError, sha256Hex } from '../core/index.ts';
import { parseBundle } from '../formats/index.ts';
import { MAX_POINTER_BYTES, MAX_RECORD_BYTES, parseChannelPointer, parseReleaseRecord, type ReleaseRecord } from '../release/index.ts';
import {
  channelOfKey,
  type HistoryEntry,
  inParallel,
  layoutOf,
  READS_AT_ONCE,
  releaseOfKey,
  type Store,
  type StoreLocation,
} from '../store/index.ts';

/** What the releases and channels of a model refer to, in all their history. Whoever signed them: more is kept, never less. */
export interface References {
  /** Model ids that a release is of. */
  readonly models: ReadonlySet<string>;
  /** Model ids of which a channel points to a record that is gone: nothing of theirs is known, so all of it stays. */
  readonly lost: ReadonlySet<string>;
  /** Versions that a record pins, by key. */
  readonly pinned: ReadonlyMap<string, ReadonlySet<string>>;
  /** The versions of the records that were read: others have come where these are no longer all. */
  readonly records: readonly string[];
  /** Records that could not be read: then nothing is known. */
  readonly findings: readonly Finding[];
}

/** Records are up to hundreds of megabytes. */
const RECORDS_AT_A_TIME = 2;

/**
 * Reads every version of every record and pointer. Nothing is verified.
 *
 * @throws MlsignError what the store throws for a listing
 */
export async function readReferences(store: Store, location: StoreLocation, signal?: AbortSignal): Promise<References> {
  const layout = layoutOf(location);
  const models = new Set<string>();
  const digests = new Set<string>();
  const pinned = new Map<string, Set<string>>();
  const findings: Finding[] = [];
  const pin = (key: string, version: string): void => {
    const versions = pinned.get(key) ?? new Set();
    pinned.set(key, versions.add(version));
  };
  const records = await entriesOf(store, layout.releases, (key) => releaseOfKey(layout, key) !== undefined, signal);
  const readRecord = async (entry: HistoryEntry): Promise<void> => {
    const read = await attempt(store, entry, MAX_RECORD_BYTES, parseReleaseRecord, signal);
    if (read instanceof MlsignError) {
      findings.push(unreadable(read, `${store.url}/${entry.key}`, entry));
      return;
    }
    digests.add(read.digest);
    models.add(read.content.modelId);
    pinAll(read.content);
  };
  const pinAll = ({ modelId, objects, bundles, attestations = [] }: ReleaseRecord): void => {
    for (const { name, version } of objects) pin(layout.file(modelId, name), version);
    for (const { digest, version } of bundles) pin(layout.bundle(modelId, digest), version);
    for (const { digest, version } of attestations) pin(layout.attestation(modelId, digest), version);
  };
  await inParallel(records, RECORDS_AT_A_TIME, signal, readRecord);
  const lost = new Set<string>();
  const pointers = await entriesOf(store, layout.channels, (key) => channelOfKey(layout, key) !== undefined, signal);
  const readPointer = async (entry: HistoryEntry): Promise<void> => {
    const read = await attempt(store, entry, MAX_POINTER_BYTES, parseChannelPointer, signal);
    if (!(read instanceof MlsignError)) {
      if (!digests.has(read.content.release.digest)) lost.add(read.content.modelId);
    } else if (read.outcome === 'unavailable') {
      findings.push(unreadable(read, `${store.url}/${entry.key}`, entry));
    }
  };
  await inParallel(pointers, READS_AT_ONCE, signal, readPointer);
  return { models, lost, pinned, records: versionsOf(records), findings };
}

/**
 * Whether the records are still those that were read.
 *
 * @throws MlsignError what the store throws for a listing
 */
export async function areSameRecords(
  store: Store,
  location: StoreLocation,
  { records }: References,
  signal?: AbortSignal,
): Promise<boolean> {
  const layout = layoutOf(location);
  const now = versionsOf(await entriesOf(store, layout.releases, (key) => releaseOfKey(layout, key) !== undefined, signal));
  return now.length === records.length && now.every((version, i) => version === records[i]);
}

async function entriesOf(
  store: Store,
  prefix: string,
  isOurs: (key: string) => boolean,
  signal?: AbortSignal,
): Promise<readonly HistoryEntry[]> {
  const entries: HistoryEntry[] = [];
  for await (const entry of store.history(prefix, signal)) if (!entry.isDeleted && isOurs(entry.key)) entries.push(entry);
  return entries;
}

function versionsOf(entries: readonly HistoryEntry[]): readonly string[] {
  return entries.map(({ key, version }) => `${key} ${version}`);
}

async function attempt<T>(
  store: Store,
  entry: HistoryEntry,
  maxBytes: number,
  parse: (payload: Uint8Array, where: string) => T,
  signal: AbortSignal | undefined,
): Promise<{ readonly digest: string; readonly content: T } | MlsignError> {
  const where = `${store.url}/${entry.key}`;
  try {
    const bytes = await store.read(entry, maxBytes, signal);
    return { digest: sha256Hex(bytes), content: parse(parseBundle(bytes, where).envelope.payload, where) };
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    return error;
  }
}

function unreadable({ message, expected, got }: MlsignError, subject: string, { version }: HistoryEntry): Finding {
  return {
    code: 'record-unreadable',
    severity: 'undetermined',
    message: `what this record refers to is not known, so nothing may be deleted: ${message}`,
    subject: `${subject} (version ${version})`,
    expected,
    got,
    suggestion: 'look at it (mlsign releases); where it is no record of yours, remove that version by hand',
  };
}
