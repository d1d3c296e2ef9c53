import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compareCodePoints, fileError, MlsignError, readCapped, throwIfAborted } from '../core/index.ts';
import { MAX_BUNDLE_BYTES, parseBundle, parseOmsStatement } from '../formats/index.ts';
import { type BundleFile, localAttestations, MOST_COPIES, type ModelPlace, together } from '../lineage/index.ts';
import { modelId, type Source } from '../model/index.ts';
import { furtherSignatures } from './further-signatures.ts';
import { companionDirectory, defaultSignaturePath, SIGNATURE_NAME } from './locations.ts';
import { openModel } from './open-model.ts';

/** Entries of one directory that are looked at. */
const MOST_ENTRIES = 10_000;

/** Finds models in directories by their ids, as their signatures say them; names count for nothing. Each directory is read once, when first asked. */
export class LocalModels {
  readonly #directories: readonly string[];
  readonly #signal: AbortSignal | undefined;
  #index: Promise<ReadonlyMap<string, readonly Source[]>> | undefined;

  constructor(directories: readonly string[], signal?: AbortSignal) {
    this.#directories = [...new Set(directories)];
    this.#signal = signal;
  }

  /**
   * Every copy of a model as one place.
   *
   * @throws MlsignError where a directory cannot be read
   */
  async find(id: string): Promise<ModelPlace | undefined> {
    this.#index ??= this.#read();
    const copies = (await this.#index).get(id) ?? [];
    return together(copies.slice(0, MOST_COPIES).map(localPlace), copies.length);
  }

  async #read(): Promise<ReadonlyMap<string, readonly Source[]>> {
    const index = new Map<string, Source[]>();
    for (const directory of this.#directories) {
      for (const path of await candidates(directory)) {
        throwIfAborted(this.#signal);
        const found = await signedModel(path);
        if (found === undefined) continue;
        const copies = index.get(found.id) ?? [];
        index.set(found.id, copies);
        // Two directories may lead to one model.
        if (!copies.some(({ path }) => path === found.source.path)) copies.push(found.source);
      }
    }
    return index;
  }
}

/** Where the bundles of a model on disk are. */
export function localPlace(source: Source): ModelPlace {
  return {
    where: source.path,
    signatures: async (findings) => {
      const paths = [defaultSignaturePath(source), ...(await furtherSignatures(source, findings))];
      return sized(paths.map((path): BundleFile => ({ path, read: () => readCapped(path, MAX_BUNDLE_BYTES, 'signature') })));
    },
    attestations: async (findings) => sized(await localAttestations(companionDirectory(source), findings)),
  };
}

/** With their sizes, so that small ones can be read at once. */
function sized(files: readonly BundleFile[]): Promise<readonly BundleFile[]> {
  return Promise.all(files.map(async (file) => ({ ...file, size: (await stat(file.path).catch(() => undefined))?.size })));
}

/** What may be a model: the directory itself, and what lies in it. */
async function candidates(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    throw fileError(error, 'look for ancestors', directory);
  });
  const inside = names.sort(compareCodePoints).slice(0, MOST_ENTRIES);
  return [directory, ...inside.filter((name) => !name.endsWith('.sig') && !name.endsWith('.mlsign')).map((name) => join(directory, name))];
}

/** A model and the id that its signature claims; whether that is so, is verified where it counts. */
async function signedModel(path: string): Promise<{ readonly id: string; readonly source: Source } | undefined> {
  const signature = (await isFile(join(path, SIGNATURE_NAME))) || (await isFile(`${path}.sig`));
  if (!signature) return undefined;
  try {
    const source = await openModel(path);
    const file = defaultSignaturePath(source);
    const { envelope } = parseBundle(await readCapped(file, MAX_BUNDLE_BYTES, 'signature'), file);
    return { id: modelId(parseOmsStatement(envelope.payload, file, { allowLegacy: true }).manifest), source };
  } catch (error) {
    // It is not what is looked for; whether its signature is sound is no question here.
    if (error instanceof MlsignError && error.outcome !== 'interrupted') return undefined;
    throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() ?? false;
}
