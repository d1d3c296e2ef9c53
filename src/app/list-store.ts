import { errorFinding, type Finding, MlsignError, usage } from '../core/index.ts';
import {
  inParallel,
  layoutOf,
  parseLocation,
  parseStorePlace,
  RECORDS,
  type Store,
  type StoreAddress,
  type StoreLocation,
} from '../store/index.ts';
import { listReleases, type ModelListing } from './list-releases.ts';
import type { ListingOptions } from './record-rows.ts';

/** How a store is listed. */
export interface ListStoreOptions extends ListingOptions {
  /** Opens the store of an address; it is closed again. */
  readonly open: (place: { readonly store: StoreAddress }) => Promise<Store>;
}

/** What lies at a place in a store. */
export interface StoreListing {
  readonly url: string;
  readonly isVerified: boolean;
  /** By name; of each its newest release alone. */
  readonly models: readonly ModelListing[];
  /** Names beneath that hold no model themselves. */
  readonly folders: readonly string[];
  readonly findings: readonly Finding[];
}

const RECORD_FOLDERS = ['releases', 'channels', 'bundles'];

/**
 * Lists the models of a bucket, prefix or directory, or the one model that the place is.
 *
 * @param place `s3://bucket`, `s3://bucket/prefix`, `file:directory`, or a model there
 * @throws MlsignError `location-malformed`, `reference-unexpected`, and what the store throws for a listing
 */
export async function listStore(place: string, options: ListStoreOptions): Promise<StoreListing> {
  const isVerified = options.policy !== undefined;
  const { url, store: address, prefix } = parseStorePlace(place);
  const itself = locationOf(place);
  if (itself?.reference !== undefined) {
    throw usage('reference-unexpected', 'this names a release or a channel, where a place with models is asked for', {
      subject: place,
      expected: itself.url,
      suggestions: [`leave out what follows "@": ${itself.url}`],
    });
  }
  const model = itself && (await withStore(itself, options, (store) => listIfModel(store, itself, options)));
  if (itself !== undefined && model !== undefined) return { url: itself.url, isVerified, models: [model], folders: [], findings: [] };
  return withStore({ store: address }, options, async (store) => {
    const names = (await store.folders(prefix, options.signal)).filter((name) => name !== RECORDS);
    const listed = await inParallel(names, 4, options.signal, (name) => listNamed(store, `${url}/${name}`, name, options));
    return {
      url,
      isVerified,
      models: listed.flatMap(({ model }) => (model === undefined ? [] : [model])),
      folders: listed.flatMap(({ name, model, finding }) => (model === undefined && finding === undefined ? [name] : [])),
      findings: listed.flatMap(({ finding }) => (finding === undefined ? [] : [finding])),
    };
  });
}

/** One name beneath a place; what is wrong with it does not hide the others. */
async function listNamed(store: Store, text: string, name: string, options: ListStoreOptions) {
  try {
    // Not every folder has a name that a model may have.
    const location = locationOf(text);
    return { name, model: location && (await listIfModel(store, location, options)) };
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    return { name, finding: errorFinding(error, text) };
  }
}

async function listIfModel(store: Store, location: StoreLocation, options: ListStoreOptions): Promise<ModelListing | undefined> {
  const folders = await store.folders(`${layoutOf(location).model}${RECORDS}/`, options.signal);
  if (!folders.some((name) => RECORD_FOLDERS.includes(name))) return undefined;
  return listReleases(location, { ...options, store, newest: 1 });
}

function locationOf(text: string): StoreLocation | undefined {
  try {
    return parseLocation(text.replace(/\/$/, ''));
  } catch (error) {
    if (error instanceof MlsignError) return undefined;
    throw error;
  }
}

async function withStore<T>(
  place: { readonly store: StoreAddress },
  { open }: ListStoreOptions,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await open(place);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
