import { refused, sha256Hex } from '../core/index.ts';
import { MAX_BUNDLE_BYTES } from '../formats/index.ts';
import type { Store, StoredObject } from '../store/index.ts';
import type { BundleSource } from './open-signatures.ts';

/** A bundle in a store, at one version. */
export interface StoredBundle extends BundleSource {
  readonly object: StoredObject;
  /** SHA-256 of its bytes, hex, as the release or its key says. */
  readonly digest: string;
  read(): Promise<Uint8Array>;
}

/** A bundle that is read as the one with this digest, or not at all: `bundle-changed`. */
export function storedBundle(store: Store, object: StoredObject, digest: string, signal: AbortSignal | undefined): StoredBundle {
  const path = `${store.url}/${object.key}`;
  const read = async (): Promise<Uint8Array> => {
    const bytes = await store.read(object, Math.min(object.size, MAX_BUNDLE_BYTES), signal);
    const got = sha256Hex(bytes);
    if (got !== digest) {
      throw refused('bundle-changed', 'a bundle is not the one that was released', { subject: path, expected: digest, got });
    }
    return bytes;
  };
  return { path, object, digest, read };
}
