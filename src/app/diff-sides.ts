import type { Finding, HashType } from '../core/index.ts';
import { groupByFile, type Manifest, parseOmsStatement, type Serialization } from '../formats/index.ts';
import { hashModel, isIgnored, type Source } from '../model/index.ts';
import { type EngineOptions, engineOf, serializationOf } from './hash-model.ts';
import { companionSignatures, defaultSignaturePath, SIGNATURE_NAME } from './locations.ts';
import { openInput } from './open-input.ts';

/** What one side of a comparison knows of a file. */
export interface FileFacts {
  readonly size: number | undefined;
  /** One, or one a shard; empty where they were not needed. */
  readonly digests: readonly string[];
}

/** One of two models that are compared. */
export interface DiffSide {
  readonly path: string;
  readonly input: Source['kind'] | 'bundle' | 'manifest';
  readonly name: string;
  /** Set where the model itself is there. */
  readonly source: Source | undefined;
  /** How its digests were, or are to be, made. */
  readonly serialization: Serialization;
  readonly files: ReadonlyMap<string, FileFacts>;
  /** Subjects are names in the model. */
  readonly findings: readonly Finding[];
}

/** How models are compared. */
export interface DiffModelsOptions extends EngineOptions {
  /** Exact paths relative to the models that are left out. */
  readonly ignorePaths?: readonly string[] | undefined;
  /** Whether symbolic links are followed. */
  readonly allowSymlinks?: boolean | undefined;
}

const SHARD_SIZE = 64 * 1024 * 1024;
// The digest of no bytes: how a manifest of files shows that a file is empty.
const EMPTY: Record<HashType, string> = {
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  blake2b:
    '786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce',
  blake3: 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
};

/** Opens both sides. A model is listed, not hashed, and will be hashed the way the other side was. */
export async function openSides(a: string, b: string, options: DiffModelsOptions): Promise<readonly [DiffSide, DiffSide]> {
  const [inputA, inputB] = [await readSide(a, options), await readSide(b, options)];
  return [await openSide(inputA, inputB.manifest, options), await openSide(inputB, inputA.manifest, options)];
}

interface SideInput {
  readonly path: string;
  readonly input: DiffSide['input'];
  readonly name: string;
  readonly source?: Source;
  readonly manifest?: Manifest;
}

async function readSide(path: string, options: DiffModelsOptions): Promise<SideInput> {
  const input = await openInput(path, options);
  switch (input.kind) {
    case 'model':
      return { path, input: input.source.kind, name: input.source.name, source: input.source };
    case 'manifest':
      return { path, input: 'manifest', name: input.name, manifest: input.manifest };
    case 'bundle': {
      const { payload } = input.bundle.envelope;
      const { subjectName, manifest } = parseOmsStatement(payload, path, { allowLegacy: true });
      return { path, input: 'bundle', name: subjectName, manifest };
    }
  }
}

async function openSide(side: SideInput, other: Manifest | undefined, options: DiffModelsOptions): Promise<DiffSide> {
  const { path, input, name, source, manifest } = side;
  const { ignorePaths = [] } = options;
  if (source !== undefined) {
    const opened = { path, input, name, source, serialization: serializationLike(source, other, options), files: new Map(), findings: [] };
    return readSource(opened, source, new Set(), options);
  }
  if (manifest === undefined) throw new Error('a side is a model or a manifest');
  const { serialization } = manifest;
  const files = new Map<string, FileFacts>();
  for (const [file, { size, digests }] of groupByFile(manifest)) {
    if (isIgnored(file, [SIGNATURE_NAME, ...ignorePaths])) continue;
    files.set(file, { size: digests[0] === EMPTY[serialization.hashType] ? 0 : size, digests });
  }
  return { path, input, name, source: undefined, serialization, files, findings: [] };
}

/** A model is hashed the way the other side was, links only where both allow them; two models in shards, which use every core. */
function serializationLike(source: Source, other: Manifest | undefined, options: DiffModelsOptions): Serialization {
  const { allowSymlinks = false, ignorePaths = [] } = options;
  const like = other?.serialization;
  return serializationOf(source, {
    ...(like === undefined ? { method: 'shards', shardSize: SHARD_SIZE } : { method: like.method, shardSize: like.shardSize }),
    algorithm: like?.hashType,
    allowSymlinks: allowSymlinks && (like?.allowSymlinks ?? true),
    ignorePaths: [...(like?.ignorePaths ?? []), ...ignorePaths],
  });
}

/**
 * The side with the digests of these files, hashed where the model is there.
 *
 * @param names keys of `side.files`
 */
export async function withDigests(side: DiffSide, names: ReadonlySet<string>, options: DiffModelsOptions): Promise<DiffSide> {
  const { source } = side;
  return source === undefined || names.size === 0 ? side : readSource(side, source, names, options);
}

async function readSource(side: DiffSide, source: Source, names: ReadonlySet<string>, options: DiffModelsOptions): Promise<DiffSide> {
  // A single file may go by the name that it has on the other side.
  const alias = source.kind === 'file' ? [...side.files.keys()][0] : undefined;
  const excluded = [defaultSignaturePath(source), ...(await companionSignatures(source))];
  const only = alias === undefined || names.size === 0 ? names : new Set([source.name]);
  const hashed = await hashModel(source, { ...engineOf(options), serialization: side.serialization, excluded, only });
  const files = new Map<string, FileFacts>();
  for (const { name, size, digests } of hashed.files) files.set(alias ?? name, { size, digests });
  return { ...side, files, findings: hashed.findings };
}
