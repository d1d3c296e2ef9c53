import { lstat, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import {
  type ArchiveFormat,
  archiveFormatOf,
  type FileToPack,
  openArchive,
  type PackedContent,
  packFiles,
  refuseUnpackable,
} from '../archive/index.ts';
import {
  alreadyExists,
  checkWritable,
  type FileToWrite,
  type Finding,
  readCapped,
  refused,
  usage,
  writeFilesAtomic,
} from '../core/index.ts';
import { MAX_BUNDLE_BYTES, type Manifest, rootDigest, serializeBundle, statementPayload } from '../formats/index.ts';
import {
  type ArchiveSource,
  type DiskSource,
  type HashedModel,
  listModel,
  manifestOf,
  modelId,
  openSource,
  parseModelName,
} from '../model/index.ts';
import type { Signer } from '../sign/index.ts';
import { type EngineOptions, type ManifestOptions, refuseUnfit, serializationOf, unsignedEmpty } from './hash-model.ts';
import { companionDirectory, defaultSignaturePath, namesInside, SIGNATURE_NAME } from './locations.ts';
import { innerSignaturePath, refuseLikeWhole } from './open-model.ts';
import { partiesOf, sealPayload } from './seal-payload.ts';
import type { SignatureOptions } from './sign-model.ts';
import { whileSignersGetReady } from './signers.ts';
import { companionPath, makeCompanion, type SealedBundle, type WrittenSignature } from './write-signatures.ts';

/** How a model is packed, and who signs it on the way. */
export interface PackModelOptions extends ManifestOptions, Omit<EngineOptions, 'archiveLimits' | 'useMainThread'> {
  /** Who signs what is packed; nobody unless given. */
  readonly signing?: Pick<SignatureOptions, 'signer' | 'witnesses' | 'further'> | undefined;
  /** Whether the first signature goes into the archive as `model.sig`, and not beside it. */
  readonly inside?: boolean | undefined;
  /** Of gzip, from 0 to 9; 6 unless given. */
  readonly level?: number | undefined;
  /** The time of every file in the archive, in seconds since 1970; 0 unless given. */
  readonly mtime?: number | undefined;
  /** Whether an existing archive, and its signatures, may be replaced. */
  readonly force?: boolean | undefined;
}

/** What was packed. */
export interface PackedModel {
  /** Where the archive is. */
  readonly archive: string;
  readonly format: ArchiveFormat;
  /** Of the archive. */
  readonly size: number;
  readonly name: string;
  readonly modelId: string;
  readonly modelDigest: string;
  readonly manifest: Manifest;
  readonly read: { readonly files: number; readonly bytes: number };
  /** Those that were made; none without a signer. */
  readonly signatures: readonly WrittenSignature[];
  /** Whether `model.sig` of the directory went into the archive as it is. */
  readonly isCarried: boolean;
  /** Paths that are ignored, and so were not packed. */
  readonly leftOut: readonly string[];
  readonly findings: readonly Finding[];
}

/**
 * Packs a directory as an archive, each file read once: hashed, and signed where there is a signer, on the way. The archive and its
 * signatures appear together, when all of them are complete. Only what a signature covers is packed; the directory's own
 * `model.sig` goes along, last, unless another one takes its place.
 *
 * @param path the directory
 * @param out `….tar`, `….tar.gz` or `….tgz`
 * @throws MlsignError what signing a directory throws, `archive-name-unknown`, `archive-inside-model`, `file-exists`,
 *   `archive-name-unsafe`, `archive-name-collision`, `archive-too-large`
 * @example
 * await packModel('my-model', 'model.tar.gz', { signing: { signer } });
 */
export async function packModel(path: string, out: string, options: PackModelOptions): Promise<PackedModel> {
  const { format, archive } = archiveAt(out);
  const directory = await openDirectory(path);
  await refuseInside(directory, out);
  const signature = defaultSignaturePath(archive);
  const isSignedBeside = options.signing !== undefined && !options.inside;
  for (const target of [archive.path, ...(isSignedBeside ? [signature] : [])]) await checkTarget(target, options.force ?? false);
  const { files, model } = await listToPack(directory, archive, options);
  const carried = options.signing !== undefined && options.inside ? undefined : await ownSignature(directory);
  refuseUnpackable([...files.map(({ name }) => name), ...(carried !== undefined || options.inside ? [SIGNATURE_NAME] : [])]);
  const signers = await getSigners(options);
  const packing = new Packing(archive, model, options, signers);
  const { algorithm, shardSize } = { algorithm: model.serialization.hashType, shardSize: model.serialization.shardSize };
  const { engine, level, workers, mtime, signal, onProgress, force: overwrite = false } = options;
  const finish = async (content: PackedContent) => {
    const own = await packing.seal(content);
    const bytes = options.inside && own !== undefined ? Buffer.from(own) : carried;
    return bytes === undefined ? undefined : { name: SIGNATURE_NAME, bytes };
  };
  const data = packFiles(files, { format, algorithm, shardSize, engine, level, workers, mtime, signal, onProgress, finish });
  const companion = companionDirectory(archive);
  const places = signers.map((signer, i) => (i > 0 ? companionPath(companion, signer) : options.inside ? undefined : signature));
  if (signers.length > 1) await makeCompanion(companion);
  // The first signature is the one that verifiers look for: it comes last.
  const bundles = places.map((place, i) =>
    place === undefined ? [] : [{ path: place, data: packing.bundle(i), what: 'signature', overwrite }],
  );
  const written: readonly FileToWrite[] = [{ path: archive.path, data, what: 'archive', overwrite }, ...bundles.toReversed().flat()];
  await writeFilesAtomic(written);
  const { hashed, manifest, sealed } = packing.result;
  return {
    archive: archive.path,
    format,
    size: (await stat(archive.path)).size,
    name: archive.name,
    modelId: modelId(manifest),
    modelDigest: rootDigest(manifest.resources),
    manifest,
    read: { files: hashed.files.length, bytes: hashed.bytes },
    signatures: sealed.map((bundle, i) => ({ ...bundle, path: places[i] ?? innerSignaturePath(archive) })),
    isCarried: carried !== undefined,
    leftOut: hashed.ignored.filter((name) => name !== SIGNATURE_NAME),
    findings: [...hashed.findings, ...unsignedEmpty(hashed)],
  };
}

/** What is known of a model once all of it has passed by. */
class Packing {
  readonly #archive: ArchiveSource;
  readonly #listed: HashedModel;
  readonly #options: PackModelOptions;
  readonly #signers: readonly Signer[];
  #result: { readonly hashed: HashedModel; readonly manifest: Manifest; readonly sealed: readonly SealedBundle[] } | undefined;

  constructor(archive: ArchiveSource, listed: HashedModel, options: PackModelOptions, signers: readonly Signer[]) {
    this.#archive = archive;
    this.#listed = listed;
    this.#options = options;
    this.#signers = signers;
  }

  get result() {
    if (this.#result === undefined) throw new Error('the archive is not packed yet');
    return this.#result;
  }

  /** Signs what was packed; gives the first bundle. */
  async seal({ digests, engine }: PackedContent): Promise<string | undefined> {
    const { signing, signal } = this.#options;
    const files = this.#listed.files.map((file, i) => ({ ...file, digests: digests[i] ?? [] }));
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const hashed = { ...this.#listed, source: this.#archive, files, bytes, unhashed: [], engine };
    refuseLikeWhole(hashed);
    const manifest = manifestOf(hashed);
    const payload = statementPayload(this.#archive.name, manifest);
    const sealed = signing === undefined ? [] : await sealPayload(payload, partiesOf(signing), this.#signers, signal);
    this.#result = { hashed, manifest, sealed };
    return sealed[0] && serializeBundle(sealed[0].bundle);
  }

  /** One of the bundles, once it is there. */
  async *bundle(index: number): AsyncGenerator<Uint8Array, void, undefined> {
    const sealed = this.result.sealed[index];
    if (sealed !== undefined) yield Buffer.from(serializeBundle(sealed.bundle));
  }
}

function archiveAt(out: string): { readonly format: ArchiveFormat; readonly archive: ArchiveSource } {
  const path = resolve(out);
  const format = archiveFormatOf(basename(path));
  const archive = openArchive({ kind: 'file', path, name: basename(path) });
  if (out === '' || format === undefined || archive === undefined) {
    throw usage('archive-name-unknown', 'the name of an archive says how it is packed', {
      subject: out,
      expected: 'a name that ends in .tar, .tar.gz or .tgz',
      suggestions: ['model.tar.gz'],
    });
  }
  parseModelName(archive.name, out);
  return { format, archive };
}

async function openDirectory(path: string): Promise<DiskSource> {
  const source = await openSource(path);
  if (source.kind === 'directory') return source;
  throw refused('not-a-directory', 'a directory is packed, and this is something else', {
    subject: path,
    suggestions: ['a single file needs no archive: sign it as it is'],
  });
}

async function refuseInside(directory: DiskSource, out: string): Promise<void> {
  if ((await namesInside(directory, out)).length === 0) return;
  throw usage('archive-inside-model', 'the archive would lie in the directory that is packed', {
    subject: out,
    suggestions: ['give it a place outside'],
  });
}

async function checkTarget(path: string, force: boolean): Promise<void> {
  const what = archiveFormatOf(path) === undefined ? 'signature' : 'archive';
  const isThere = await lstat(path).then(
    () => true,
    () => false,
  );
  if (isThere && !force) throw alreadyExists(path, what);
  await checkWritable(path, what);
}

/** Every file that a signature covers, in the order in which they are packed. */
async function listToPack(directory: DiskSource, archive: ArchiveSource, options: PackModelOptions) {
  const serialization = serializationOf(archive, options);
  const { files, model } = await listModel(directory, { serialization });
  refuseUnfit(model);
  return { files: files satisfies readonly FileToPack[], model };
}

/** The signature that lies in the directory; whatever else has its name is none. */
async function ownSignature({ path }: DiskSource): Promise<Uint8Array | undefined> {
  const own = join(path, SIGNATURE_NAME);
  const stats = await lstat(own).catch(() => undefined);
  return stats?.isFile() ? await readCapped(own, MAX_BUNDLE_BYTES, 'signature') : undefined;
}

async function getSigners({ signing, signal }: PackModelOptions): Promise<readonly Signer[]> {
  if (signing === undefined) return [];
  const [, signers] = await whileSignersGetReady(partiesOf(signing), signal, async () => undefined);
  return signers;
}
