import { readCapped } from '../core/index.ts';
import { MAX_PEM_BYTES } from '../formats/index.ts';
import type { PemSource } from '../policy/index.ts';

/** A PEM file, with its path as its name in errors. */
export async function namedPem(path: string, what: string): Promise<PemSource> {
  return { where: path, pem: await readPem(path, what) };
}

/** The bytes of a PEM file. */
export function readPem(path: string, what: string): Promise<Uint8Array> {
  return readCapped(path, MAX_PEM_BYTES, what);
}
