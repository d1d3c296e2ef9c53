import { type Finding, MlsignError, refused, sha256Hex } from '../core/index.ts';
import { MAX_BUNDLE_BYTES } from '../formats/index.ts';
import type { ReleaseRecord } from '../release/index.ts';
import {
  type HistoryEntry,
  inParallel,
  layoutOf,
  parseLocation,
  READS_AT_ONCE,
  RECORDS,
  type Store,
  type StoreAddress,
  type StoreLocation,
} from '../store/index.ts';
import { firstVersions, MOST_ATTESTATIONS, storedAttestations } from './attestation.ts';
import type { BundleFile, ModelPlace } from './node.ts';
import { MOST_COPIES, together } from './together.ts';

/** More signatures than any honest model has. */
const MOST_SIGNATURES = 64;
/** Models beneath one prefix that are looked through. */
const MOST_NAMES = 10_000;

/** Opens the store at an address. */
export type OpenStore = (place: { readonly store: StoreAddress }) => Promise<Store>;

/** A place with models in a store. */
export type StorePlace = Pick<StoreLocation, 'store' | 'prefix'>;

/** A store that is open already. */
export interface KnownStore {
  readonly address: StoreAddress;
  readonly store: Store;
}

/** Finds models in stores by their ids: where a URI says, and among the other models of a prefix. */
export class StoredModels {
  readonly #open: OpenStore | undefined;
  readonly #known: KnownStore | undefined;
  readonly #stores = new Map<string, Promise<Store>>();
  readonly #prefixes = new Map<string, Promise<ReadonlyMap<string, readonly StoreLocation[]>>>();
  readonly #signal: AbortSignal | undefined;

  /** @param known is used, and left open */
  constructor(open: OpenStore | undefined, known: KnownStore | undefined, signal?: AbortSignal) {
    this.#open = open;
    this.#known = known;
    this.#signal = signal;
  }

  /** The model at a place whose name is known; undefined where no signature of it lies there. */
  async at(modelId: string, location: StoreLocation): Promise<ModelPlace | undefined> {
    const store = await this.#store(location);
    if (store === undefined) return undefined;
    const folder = layoutOf(location).bundles(modelId);
    const listed: HistoryEntry[] = [];
    const signatures: HistoryEntry[] = [];
    for await (const entry of firstVersions(store.history(folder, this.#signal))) {
      const kept = signatureDigest(folder, entry.key) === undefined ? listed : signatures;
      if (kept.length <= MOST_ATTESTATIONS) kept.push(entry);
    }
    if (signatures.length === 0) return undefined;
    return {
      where: `${location.url}@sha256:${modelId}`,
      signatures: async (findings) => {
        if (signatures.length > MOST_SIGNATURES) findings.push(tooManySignatures(`${store.url}/${folder}`));
        const files = signatures.slice(0, MOST_SIGNATURES);
        return files.map((entry) => signatureFile(store, entry, signatureDigest(folder, entry.key) ?? '', this.#signal));
      },
      attestations: (findings) => storedAttestations(store, location, modelId, [], findings, this.#signal, listed),
    };
  }

  /** The model among those beneath a prefix, whatever its names are; what is there is listed once. */
  async beneath(modelId: string, place: StorePlace): Promise<ModelPlace | undefined> {
    const key = `${addressKey(place.store)} ${place.prefix}`;
    const known = this.#prefixes.get(key) ?? this.#index(place);
    this.#prefixes.set(key, known);
    const found = (await known).get(modelId) ?? [];
    const places = await Promise.all(found.slice(0, MOST_COPIES).map((location) => this.at(modelId, location)));
    const signed = places.filter((each) => each !== undefined);
    return together(signed, signed.length + Math.max(found.length - MOST_COPIES, 0));
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#stores.values());
    for (const result of opened) if (result.status === 'fulfilled') await result.value.close();
  }

  /** Undefined where nobody may open it. */
  #store(place: { readonly store: StoreAddress }): Promise<Store | undefined> {
    if (this.#known !== undefined && isSameStore(this.#known.address, place.store)) return Promise.resolve(this.#known.store);
    if (this.#open === undefined) return Promise.resolve(undefined);
    const key = addressKey(place.store);
    const known = this.#stores.get(key) ?? this.#open(place);
    this.#stores.set(key, known);
    return known;
  }

  async #index({ store: address, prefix }: StorePlace): Promise<ReadonlyMap<string, readonly StoreLocation[]>> {
    const store = await this.#store({ store: address });
    if (store === undefined) return new Map();
    const names = (await store.folders(prefix, this.#signal)).filter((name) => name !== RECORDS).slice(0, MOST_NAMES);
    const listed = await inParallel(names, READS_AT_ONCE, this.#signal, async (name, signal) => {
      const location = { store: address, prefix, name, url: `${addressKey(address)}/${prefix}${name}` };
      const ids = await store.folders(`${layoutOf(location).model}${RECORDS}/bundles/`, signal);
      return { location, ids };
    });
    const index = new Map<string, StoreLocation[]>();
    for (const { location, ids } of listed) {
      for (const id of ids) {
        const copies = index.get(id) ?? [];
        index.set(id, copies);
        copies.push(location);
      }
    }
    return index;
  }
}

/** The place in a store that a URI names; undefined where it names none. */
export function locationOfUri(uri: string | undefined): StoreLocation | undefined {
  if (uri === undefined || !/^(?:s3:\/\/|file:)/.test(uri)) return undefined;
  try {
    return parseLocation(uri.replace(/^file:\/\/(?=\/)/, 'file:'));
  } catch (error) {
    if (error instanceof MlsignError) return undefined;
    throw error;
  }
}

/** Whether two places are in one store. */
export function isSameStore(a: StoreAddress, b: StoreAddress): boolean {
  return addressKey(a) === addressKey(b);
}

/** The same for two addresses of one store. */
export function addressKey(address: StoreAddress): string {
  return address.kind === 's3' ? `s3://${address.bucket}` : `file:${address.root}`;
}

function signatureDigest(folder: string, key: string): string | undefined {
  return /^([0-9a-f]{64})\.sig$/.exec(key.slice(folder.length))?.[1];
}

function signatureFile(store: Store, entry: HistoryEntry, digest: string, signal: AbortSignal | undefined): BundleFile {
  const path = `${store.url}/${entry.key}`;
  return {
    path,
    size: entry.size,
    read: async () => {
      const bytes = await store.read(entry, MAX_BUNDLE_BYTES, signal);
      const got = sha256Hex(bytes);
      if (got === digest) return bytes;
      throw refused('bundle-changed', 'a bundle is not the one that its name says', { subject: path, expected: digest, got });
    },
  };
}

/** Where the bundles of a release are, whose signatures are verified already. */
export function releasePlace(
  store: Store,
  location: StoreLocation,
  { modelId, attestations = [] }: Pick<ReleaseRecord, 'modelId' | 'attestations'>,
  signal?: AbortSignal,
): ModelPlace {
  return {
    where: location.url,
    signatures: async () => [],
    attestations: async (findings) => {
      const pinned = new Set(attestations.map(({ digest }) => digest));
      const found = await storedAttestations(store, location, modelId, attestations, findings, signal);
      return found.map((file) => ({ ...file, isPinned: pinned.has(file.digest ?? '') }));
    },
  };
}

function tooManySignatures(subject: string): Finding {
  return {
    code: 'too-many-signatures',
    severity: 'undetermined',
    message: `of the signatures of this model only the first ${MOST_SIGNATURES} by name were looked at`,
    subject,
    expected: `at most ${MOST_SIGNATURES}`,
    suggestion: 'remove those that are of no use',
  };
}
