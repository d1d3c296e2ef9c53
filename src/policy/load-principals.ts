import { resolve } from 'node:path';
import { type Decoder, MlsignError, readCapped } from '../core/index.ts';
import { MAX_PEM_BYTES } from '../formats/index.ts';
import type { PemReference, PrincipalEntry, TrustEntry } from './document.ts';
import { identityTrust } from './identity.ts';
import type { LoadPolicyOptions } from './load-policy.ts';
import { authorityTrust, type KeyTrust, keyTrust, overlaps, type PemSource, type Principal, type Trust } from './principal.ts';

type KmsEntry = Extract<TrustEntry, { kind: 'kms' }>;

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
export async function loadPrincipals(
  decoder: Decoder,
  entries: readonly PrincipalEntry[],
  directory: string,
  options: LoadPolicyOptions,
): Promise<LoadedPrincipals> {
  const loader = new Loader(decoder, directory, options);
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
  readonly #options: LoadPolicyOptions;
  readonly #known: { readonly name: string; readonly trust: Trust }[] = [];

  constructor(decoder: Decoder, directory: string, options: LoadPolicyOptions) {
    this.#decoder = decoder;
    this.#directory = directory;
    this.#options = options;
  }

  async load(name: string, entry: TrustEntry): Promise<readonly Trust[]> {
    const trust: Trust[] = [];
    const add = (path: string, made: Trust | undefined) => {
      if (made === undefined) return;
      this.#refuseTwin(name, path, made);
      trust.push(made);
    };
    switch (entry.kind) {
      case 'key': {
        const { scheme, notAfter } = entry;
        for (const { path, pem } of await this.#readAll(entry.sources)) {
          add(path, await this.#attempt(path, () => limited(keyTrust(pem, scheme), notAfter)));
        }
        break;
      }
      case 'kms':
        add(entry.path, await this.#resolveKms(entry));
        break;
      case 'ca': {
        const { subject, alternativeName, scheme } = entry;
        const pems = (await this.#readAll(entry.sources)).map(({ pem }) => pem);
        add(entry.path, await this.#attempt(entry.path, () => authorityTrust(pems, { subject, alternativeName, scheme })));
        break;
      }
      case 'identity':
        add(entry.path, await this.#attempt(entry.path, () => identityTrust(entry.source)));
        break;
    }
    return trust;
  }

  async #readAll(references: readonly PemReference[]): Promise<readonly { readonly path: string; readonly pem: PemSource }[]> {
    const sources: { readonly path: string; readonly pem: PemSource }[] = [];
    for (const reference of references) {
      const pem = await this.#attempt(reference.path, () => this.#read(reference));
      if (pem !== undefined) sources.push({ path: reference.path, pem });
    }
    return sources;
  }

  /** What the KMS says is no fault of the policy's: it is thrown as it is. */
  async #resolveKms({ arn, path, scheme, notAfter }: KmsEntry): Promise<Trust | undefined> {
    const { resolveKms } = this.#options;
    if (resolveKms === undefined) {
      this.#decoder.note({ path, expected: 'a public key: keys of a KMS cannot be read here', got: arn });
      return undefined;
    }
    return limited(await resolveKms(arn, scheme), notAfter);
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
      this.#decoder.note({ path, expected: OWN[trust.kind], got: `the same as ${known.name} has` });
    }
    this.#known.push({ name, trust });
  }
}

const OWN: Readonly<Record<Trust['kind'], string>> = {
  key: 'a key that no other entry has',
  ca: 'an authority, or an exact subject, that no other entry has',
  identity: 'an identity that no other entry has',
};

function limited(trust: KeyTrust, notAfter: Date | undefined): KeyTrust {
  return notAfter === undefined ? trust : { ...trust, notAfter };
}
