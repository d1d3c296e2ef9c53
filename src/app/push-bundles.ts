import { type MlsignError, readCapped, refused, sha256Hex, unavailable } from '../core/index.ts';
import { MAX_BUNDLE_BYTES } from '../formats/index.ts';
import type { ReleaseBundle } from '../release/index.ts';
import { layoutOf, type ObjectAttributes, type Store, type StoredObject, type StoreLocation } from '../store/index.ts';
import type { PlannedBundle } from './plan-push.ts';

/**
 * Sends bundles, byte for byte; one that is there already stays. What is first in a bucket without versions goes again.
 *
 * @param kind signatures of the model, or other statements about it
 * @returns them as a release lists them
 * @throws MlsignError `bundle-changed` where a file is not the one that was verified, `object-exists`, `bucket-unversioned`
 */
export async function pushBundles(
  store: Store,
  location: StoreLocation,
  modelId: string,
  bundles: readonly PlannedBundle[],
  attributes: ObjectAttributes | undefined,
  signal?: AbortSignal,
  kind: 'bundle' | 'attestation' = 'bundle',
): Promise<readonly ReleaseBundle[]> {
  const released: ReleaseBundle[] = [];
  for (const { path, digest, read } of bundles) {
    const bytes = (await read?.()) ?? (await readCapped(path, MAX_BUNDLE_BYTES, 'signature'));
    const got = sha256Hex(bytes);
    if (got !== digest) {
      throw refused('bundle-changed', 'a bundle changed after it was verified', { subject: path, expected: digest, got });
    }
    const { key: _, ...bundle } = await putBundle(store, location, modelId, bytes, attributes, signal, kind);
    released.push(bundle);
  }
  return released;
}

/**
 * Puts a bundle under its digest, unless it is there.
 *
 * @param kind a signature of the model, or another statement about it
 * @throws MlsignError `object-exists` where something else is there
 */
export async function putBundle(
  store: Store,
  location: StoreLocation,
  modelId: string,
  bytes: Uint8Array,
  attributes: ObjectAttributes | undefined,
  signal?: AbortSignal,
  kind: 'bundle' | 'attestation' = 'bundle',
): Promise<ReleaseBundle & { readonly key: string }> {
  const digest = sha256Hex(bytes);
  const key = layoutOf(location)[kind](modelId, digest);
  const written = await store.write(key, bytes, 'absent', withoutClass(attributes), signal);
  const object = written ?? (await store.current(key, signal));
  if (object === undefined) throw changing(`${store.url}/${key}`);
  if (written === undefined && !(await isBundle(store, object, digest, bytes.length, signal))) {
    throw refused('object-exists', 'something else lies where a bundle belongs', {
      subject: `${store.url}/${key}`,
      expected: digest,
      suggestions: ['mlsign restore makes a released bundle the current one again', 'else remove what is there'],
    });
  }
  return { key, digest, version: object.version, size: bytes.length };
}

/** What is larger than it should be is something else: nothing of it is read. */
async function isBundle(
  store: Store,
  object: StoredObject,
  digest: string,
  size: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  return object.size === size && sha256Hex(await store.read(object, size, signal)) === digest;
}

/** Records are read all the time, whatever class the files are in. */
export function withoutClass(attributes: ObjectAttributes | undefined): ObjectAttributes | undefined {
  return attributes === undefined ? undefined : { ...attributes, storageClass: undefined };
}

function changing(subject: string): MlsignError {
  return unavailable('object-changing', 'somebody else writes and deletes here at the same time', {
    subject,
    suggestions: ['try again'],
  });
}
