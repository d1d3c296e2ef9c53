import { resolve } from 'node:path';
import { type Decoder, MlsignError, readCapped } from '../core/index.ts';
import { MAX_PEM_BYTES } from '../formats/index.ts';
import type { PemReference, PrincipalEntry, TrustEntry } from './document.ts';
import { authorityTrust, keyTrust, overlaps, type PemSource, type Principal, type Trust } from './principal.ts';

/** Principals by name, and the files that their keys and certificates came from. */
export interface LoadedPrincipals {
  readonly principals: ReadonlyMap<string, Principal>;
  /** Absolute paths. */
  readonly files: readonly string[];
}

/**
 * Reads the keys and certificates of every principal; what is wrong is noted in the decoder.
 *
 * @param directory where relative paths begin
 */
export async function loadPrincipals(decoder: Decoder, entries: readonly PrincipalEntry[], directory: string): Promise<LoadedPrincipals> {
  const loader = new Loader(decoder, directory);
  const principals = new Map<string, Principal>();
  for (const { name, trust } of entries) {
    const loaded: Trust[] = [];
    for (const entry of trust) loaded.push(...(await loader.load(name, entry)));
    principals.set(name, { name, trust: loaded });
  }
  return { principals, files: loader.files };
}

class Loader {
  readonly files: string[] = [];
  readonly #decoder: Decoder;
  readonly #directory: string;
  readonly #known: { readonly name: string; readonly trust: Trust }[] = [];

  constructor(decoder: Decoder, directory: string) {
    this.#decoder = decoder;
    this.#directory = directory;
  }

  async load(name: string, entry: TrustEntry): Promise<readonly Trust[]> {
    const sources: { readonly path: string; readonly pem: PemSource }[] = [];
    for (const reference of entry.sources) {
      const pem = await this.#attempt(reference.path, () => this.#read(reference));
      if (pem !== undefined) sources.push({ path: reference.path, pem });
    }
    const trust: Trust[] = [];
    const add = (path: string, made: Trust | undefined) => {
      if (made === undefined) return;
      this.#refuseTwin(name, path, made);
      trust.push(made);
    };
    switch (entry.kind) {
      case 'key':
        for (const { path, pem } of sources) add(path, await this.#attempt(path, () => keyTrust(pem, entry.scheme)));
        break;
      case 'ca': {
        const { subject, alternativeName, scheme } = entry;
        const pems = sources.map(({ pem }) => pem);
        add(entry.path, await this.#attempt(entry.path, () => authorityTrust(pems, { subject, alternativeName, scheme })));
        break;
      }
    }
    return trust;
  }

  async #read({ text, path }: PemReference): Promise<PemSource> {
    if (text.includes('-----BEGIN ')) return { pem: text, where: path };
    const file = resolve(this.#directory, text);
    this.files.push(file);
    return { pem: await readCapped(file, MAX_PEM_BYTES, 'PEM file'), where: text };
  }

  async #attempt<T>(path: string, load: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await load();
    } catch (error) {
      if (!(error instanceof MlsignError)) throw error;
      const { message, subject, expected = 'a readable PEM file, or PEM text' } = error;
      this.#decoder.note({ path, expected, got: subject === undefined ? message : `${subject}: ${message}` });
      return undefined;
    }
  }

  /** One key, or one leaf of an authority, must never count as two principals. */
  #refuseTwin(name: string, path: string, trust: Trust): void {
    for (const known of this.#known) {
      if (!overlaps(known.trust, trust)) continue;
      // A renewed certificate often keeps its key: one key of one principal, as long as its scheme stays the same.
      if (known.name === name && known.trust.kind === 'key' && trust.kind === 'key' && known.trust.scheme === trust.scheme) continue;
      const expected =
        trust.kind === 'key' ? 'a key that no other entry has' : 'an authority, or an exact subject, that no other entry has';
      this.#decoder.note({ path, expected, got: `the same as ${known.name} has` });
    }
    this.#known.push({ name, trust });
  }
}
