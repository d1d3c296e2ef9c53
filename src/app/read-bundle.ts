import { readCapped, sha256Hex } from '../core/index.ts';
import { type Bundle, MAX_BUNDLE_BYTES, parseBundle } from '../formats/index.ts';

/** A bundle as it was read. Its bytes, which may be as much as the rest of the work takes, are gone. */
export interface ReadBundle {
  readonly path: string;
  /** Of its bytes, hex. */
  readonly sha256: string;
  readonly bundle: Bundle;
}

/**
 * Reads and parses a bundle; nothing in it is verified.
 *
 * @throws MlsignError what {@link readCapped} and {@link parseBundle} throw
 */
export async function readBundle(path: string): Promise<ReadBundle> {
  const bytes = await readCapped(path, MAX_BUNDLE_BYTES, 'signature');
  return { path, sha256: sha256Hex(bytes), bundle: parseBundle(bytes, path) };
}
