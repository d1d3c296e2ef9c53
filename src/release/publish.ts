import { sha256Hex, unavailable } from '../core/index.ts';
import { type Bundle, serializeBundle } from '../formats/index.ts';
import { layoutOf, type ObjectAttributes, type Store, type StoreLocation, type VersionId } from '../store/index.ts';
import { listReleases, newestRelease } from './listing.ts';
import { parseReleaseRecord, type ReleaseRecord, releasePayload } from './record.ts';

/** A record that was written. */
export interface PublishedRelease {
  readonly record: ReleaseRecord;
  /** SHA-256 of its bytes, hex. */
  readonly digest: string;
  readonly version: VersionId;
}

/** How a record is written. */
export interface PublishOptions {
  readonly attributes?: ObjectAttributes | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How often a number is taken by somebody else before it is given up. */
const ATTEMPTS = 20;

/**
 * Writes the record of the next release, the commit point of a push: under the first number that no record ever had, where
 * nothing lies. Whoever is beaten to a number signs again with the next.
 *
 * @param make the record with a number
 * @param seal signs it
 * @throws MlsignError `release-busy`, `release-malformed`, `bundle-too-large`, what `seal` and the store throw
 */
export async function publishRelease(
  store: Store,
  location: StoreLocation,
  make: (number: number) => ReleaseRecord,
  seal: (payload: Uint8Array) => Promise<Bundle>,
  { attributes, signal }: PublishOptions = {},
): Promise<PublishedRelease> {
  let taken = 0;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const newest = newestRelease(await listReleases(store, location, signal));
    // A listing may be older than the record that was in the way.
    const number = Math.max(newest?.number ?? 0, taken) + 1;
    const key = layoutOf(location).release(number);
    const payload = releasePayload(make(number));
    // What nobody could read must not become a release.
    const record = parseReleaseRecord(payload, `${store.url}/${key}`);
    const bytes = Buffer.from(serializeBundle(await seal(payload)));
    const written = await store.write(key, bytes, 'absent', attributes, signal);
    if (written !== undefined) return { record, digest: sha256Hex(bytes), version: written.version };
    taken = number;
  }
  throw unavailable('release-busy', `others took the next number ${ATTEMPTS} times`, {
    subject: location.url,
    suggestions: ['push again when fewer are pushing'],
  });
}
