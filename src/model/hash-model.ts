import { statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { compareCodePoints, type Finding, fileError, type OnProgress } from '../core/index.ts';
import { type EngineChoice, type EngineName, type HashedFile, hashFiles, identityOf } from '../digest/index.ts';
import type { FileFormat } from '../filetypes/index.ts';
import { checkResourceName, type Serialization } from '../formats/index.ts';
import { nameInvalid, unreadable } from './directory-findings.ts';
import { DirectoryWalk, type ListedFile } from './directory-source.ts';
import { hashArchive } from './hash-archive.ts';
import type { ArchiveSource, DiskSource, PackedFile, Source } from './source.ts';

/** What of a model is hashed, and how. */
export interface HashModelOptions {
  readonly serialization: Serialization;
  /** Paths of signature files: never content, even where they lie inside the model. */
  readonly excluded?: readonly string[] | undefined;
  /** Names that are hashed even where they lie inside an ignored path: those of a signed manifest. */
  readonly signed?: Iterable<string> | undefined;
  /** The names to hash: other files are listed, and not read. Every file unless given. */
  readonly only?: ReadonlySet<string> | undefined;
  /** Told of every file, with what it is where a glance told so while it was hashed. */
  readonly onFile?: ((file: ListedFile, format: FileFormat | undefined) => void) | undefined;
  /** The same of every file in a compressed archive. */
  readonly onPacked?: ((name: string, file: PackedFile) => void) | undefined;
  readonly engine?: EngineChoice | undefined;
  readonly workers?: number | undefined;
  readonly useMainThread?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** A file of a model. */
export interface ModelFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Hex: one, or one a shard; none where the file was not hashed, or is empty and there are only shards. */
  readonly digests: readonly string[];
}

/** A model, hashed. */
export interface HashedModel {
  readonly source: Source;
  readonly serialization: Serialization;
  /** In code point order; without those that could not be hashed, which findings tell of. */
  readonly files: readonly ModelFile[];
  /** Bytes hashed. */
  readonly bytes: number;
  /** Names of files that were listed, and not hashed. */
  readonly unhashed: readonly string[];
  /** Ignored paths that exist. */
  readonly ignored: readonly string[];
  /** Names of files of zero bytes, where there are only shards. */
  readonly emptyFiles: readonly string[];
  readonly engine: EngineName;
  /** Set where an archive is refused: then nothing is told of its files, and the finding says why. */
  readonly isRefused?: true | undefined;
  /** In code point order of what they are about. */
  readonly findings: readonly Finding[];
}

/**
 * Hashes a model while it is still being listed. What is wrong with single files is told in findings: `link-refused`,
 * `link-outside`, `link-cycle`, `link-broken`, `special-file`, `name-invalid`, `name-collision`, `huggingface-cache`,
 * `file-unreadable`, `file-changed-while-read`, `too-many-shards`.
 *
 * @throws MlsignError `interrupted`, `engine-lacks-algorithm`, `worker-failed`
 */
export async function hashModel(source: Source, options: HashModelOptions): Promise<HashedModel> {
  if (source.kind === 'archive') return hashArchive(source, { ...options, excluded: membersOf(source, options.excluded) });
  const { serialization, only, onFile, engine, workers, useMainThread, signal, onProgress } = options;
  const { hashType: algorithm, shardSize } = serialization;
  const listing = await list(source, options);
  const names: string[] = [];
  const others: ModelFile[] = [];
  function* toHash(): Generator<ListedFile> {
    for (const file of listing.files()) {
      if (only === undefined || only.has(file.name)) {
        names.push(file.name);
        yield file;
      } else {
        others.push({ name: file.name, size: file.identity.size, digests: [] });
        onFile?.(file, undefined);
      }
    }
  }
  const results = await hashFiles(toHash(), { algorithm, engine, shardSize, workers, useMainThread, signal, onProgress, onFile });
  const { files, failures } = pair(names, results.files);
  const all = [...files, ...others].sort((a, b) => compareCodePoints(a.name, b.name));
  return {
    source,
    serialization,
    files: all,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    unhashed: others.map(({ name }) => name).sort(compareCodePoints),
    ignored: listing.ignored.toSorted(compareCodePoints),
    emptyFiles: shardSize === undefined ? [] : all.filter(({ size }) => size === 0).map(({ name }) => name),
    engine: results.engine,
    findings: [...listing.findings, ...failures].sort((a, b) => compareCodePoints(a.subject, b.subject)),
  };
}

/** A model that was listed, and not read. */
export interface ListedModel {
  /** Where each file is, and which state of it was listed; in code point order. */
  readonly files: readonly ListedFile[];
  /** The same as a hashed model of which nothing is hashed, to be compared. */
  readonly model: HashedModel;
}

/** Lists a model without reading it; what is wrong with single files is told as {@link hashModel} does. */
export async function listModel(
  source: DiskSource,
  options: Pick<HashModelOptions, 'serialization' | 'excluded' | 'signed'>,
): Promise<ListedModel> {
  const listing = await list(source, options);
  const listed = [...listing.files()].sort((a, b) => compareCodePoints(a.name, b.name));
  const files = listed.map(({ name, identity }): ModelFile => ({ name, size: identity.size, digests: [] }));
  const { serialization } = options;
  const model: HashedModel = {
    source,
    serialization,
    files,
    bytes: 0,
    unhashed: files.map(({ name }) => name),
    ignored: listing.ignored.toSorted(compareCodePoints),
    emptyFiles: serialization.shardSize === undefined ? [] : files.filter(({ size }) => size === 0).map(({ name }) => name),
    engine: 'native',
    findings: listing.findings.toSorted((a, b) => compareCodePoints(a.subject, b.subject)),
  };
  return { files: listed, model };
}

/** What of a source is there to hash. */
interface Listing {
  files(): Iterable<ListedFile>;
  /** Complete once the files have been listed. */
  readonly findings: readonly Finding[];
  readonly ignored: readonly string[];
}

async function list(source: DiskSource, { serialization, excluded = [], signed }: HashModelOptions): Promise<Listing> {
  const { allowSymlinks, ignorePaths } = serialization;
  try {
    if (source.kind === 'file') return singleFile(source);
    return new DirectoryWalk(source.path, { allowSymlinks, ignorePaths, excluded: await namesInside(source.path, excluded), signed });
  } catch (error) {
    throw fileError(error, 'read the model', source.path);
  }
}

function singleFile({ name, path }: DiskSource): Listing {
  const reason = checkResourceName(name);
  if (reason !== undefined) return { files: () => [], findings: [nameInvalid(name, reason)], ignored: [] };
  const file: ListedFile = { name, path, identity: identityOf(statSync(path)), followLink: true };
  return { files: () => [file], findings: [], ignored: [] };
}

/** The names of those paths that are written as if they lay inside an archive. */
function membersOf({ path }: ArchiveSource, paths: readonly string[] = []): ReadonlySet<string> {
  const root = `${path}${sep}`;
  return new Set(paths.filter((inside) => inside.startsWith(root)).map((inside) => inside.slice(root.length).split(sep).join('/')));
}

/** The names of those paths that lie inside a directory, whatever links lead to either. */
async function namesInside(directory: string, paths: readonly string[]): Promise<ReadonlySet<string>> {
  const root = await realpath(directory);
  const names = new Set<string>();
  for (const path of paths) {
    const parent = await realpath(dirname(resolve(path))).catch(() => dirname(resolve(path)));
    const name = relative(root, join(parent, basename(path)));
    names.add(name.split(sep).join('/'));
  }
  return names;
}

function pair(names: readonly string[], results: readonly HashedFile[]) {
  const files: ModelFile[] = [];
  const failures: Finding[] = [];
  results.forEach((result, i) => {
    const name = names[i] ?? '';
    if ('error' in result) failures.push(unreadable(name, result.error));
    else files.push({ name, size: result.size, digests: result.digests });
  });
  return { files, failures };
}
