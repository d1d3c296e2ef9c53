import type { ArchiveLimits } from '../archive/index.ts';
import { type Finding, type HashType, MlsignError, type OnProgress, usage } from '../core/index.ts';
import type { EngineChoice } from '../digest/index.ts';
import { DEFAULT_IGNORED, DEFAULT_SHARD_SIZE, type Manifest, rootDigest, type Serialization } from '../formats/index.ts';
import {
  type HashedModel,
  hashModel as hashSource,
  listed,
  manifestOf,
  modelId,
  parseIgnorePath,
  parseModelName,
  type Source,
} from '../model/index.ts';
import { SIGNATURE_NAME } from './locations.ts';
import { type OpenModelOptions, openModel, refuseLikeWhole } from './open-model.ts';

/** How a new manifest of a model is made. */
export interface ManifestOptions {
  /** `files`, or `shards` where a shard size is given; `files` unless given. */
  readonly method?: 'files' | 'shards' | undefined;
  /** Bytes a shard, only with `shards`; 1,000,000,000 unless given (OMS §6.3.2). */
  readonly shardSize?: number | undefined;
  /** `sha256` unless given. */
  readonly algorithm?: HashType | undefined;
  /** Exact paths relative to the model that are left out, besides the default ones. */
  readonly ignorePaths?: readonly string[] | undefined;
  /** Whether symbolic links are followed. */
  readonly allowSymlinks?: boolean | undefined;
}

/** How bytes are read and hashed; never changes a digest. */
export interface EngineOptions {
  /** How much of an archive is read. */
  readonly archiveLimits?: ArchiveLimits | undefined;
  readonly engine?: EngineChoice | undefined;
  /** Threads; the number of cores unless given. */
  readonly workers?: number | undefined;
  /** Whether the calling thread hashes too; a command says yes, a server no. */
  readonly useMainThread?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** A model's manifest and what was seen while it was made. */
export interface ModelHash {
  readonly hashed: HashedModel;
  readonly manifest: Manifest;
  /** OMS root digest: does not bind names. Hex. */
  readonly modelDigest: string;
  /** Binds names, bytes and how they were hashed. Hex. */
  readonly modelId: string;
  /** Warnings and notes; whatever would make the model unfit to sign has been thrown. */
  readonly findings: readonly Finding[];
}

/**
 * Hashes a model: one file or a directory of any size.
 *
 * @param path the model
 * @throws MlsignError refused where the model may not be signed (`name-invalid`, `link-refused`, `special-file`, `model-empty`, …),
 *   unavailable where it cannot be read (`file-unreadable`), usage for options (`engine-lacks-algorithm`)
 * @example
 * const { modelId } = await hashModel('my-model', { algorithm: 'sha256' });
 */
export async function hashModel(
  path: string,
  options: ManifestOptions & EngineOptions & Pick<OpenModelOptions, 'whole'> = {},
): Promise<ModelHash> {
  const source = await openToSign(path, options);
  return hashOpened(source, serializationOf(source, options), options);
}

/** Opens a model whose name may stand in a signature. */
export async function openToSign(path: string, options: OpenModelOptions): Promise<Source> {
  const source = await openModel(path, options);
  parseModelName(source.name, path);
  return source;
}

/** Hashes an opened model in a given way. */
export async function hashOpened(source: Source, serialization: Serialization, options: EngineOptions): Promise<ModelHash> {
  const hashed = await hashSource(source, { ...engineOf(options), serialization });
  refuseUnfit(hashed);
  refuseLikeWhole(hashed);
  const manifest = manifestOf(hashed);
  return {
    hashed,
    manifest,
    modelDigest: rootDigest(manifest.resources),
    modelId: modelId(manifest),
    findings: [...hashed.findings, ...unsignedEmpty(hashed)],
  };
}

/** Shards cannot name a file without bytes: whoever signs them must know. */
export function unsignedEmpty({ emptyFiles }: HashedModel): readonly Finding[] {
  const suggestion = 'use --method files, which signs them too';
  return listed('unsigned-empty', emptyFiles).map((finding) => ({ ...finding, suggestion }));
}

/** Only the options of the engine. */
export function engineOf({ engine, workers, useMainThread, signal, onProgress }: EngineOptions): EngineOptions {
  return { engine, workers, useMainThread, signal, onProgress };
}

/** The way of hashing that options ask for. Signature files inside the model are never part of it. */
export function serializationOf(source: Source, options: ManifestOptions, signatureNames: readonly string[] = []): Serialization {
  const { shardSize, method = shardSize === undefined ? 'files' : 'shards' } = options;
  if (method === 'files' && shardSize !== undefined) {
    throw usage('shard-size-without-shards', 'a shard size goes with shards only', {
      suggestions: ['add --method shards, or leave --shard-size out'],
    });
  }
  const ignorePaths = source.kind === 'file' ? [] : [...DEFAULT_IGNORED, SIGNATURE_NAME, ...signatureNames];
  return {
    method,
    hashType: options.algorithm ?? 'sha256',
    ...(method === 'shards' ? { shardSize: shardSize ?? DEFAULT_SHARD_SIZE } : {}),
    allowSymlinks: options.allowSymlinks ?? false,
    ignorePaths: [...new Set([...ignorePaths, ...(options.ignorePaths ?? []).map(parseIgnorePath)])],
  };
}

/** Refuses a model that is unfit to sign, in one error: the first finding, and how many more. */
export function refuseUnfit({ findings }: Pick<HashedModel, 'findings'>): void {
  const [first, ...others] = findings.filter(({ severity }) => severity === 'rejected' || severity === 'undetermined');
  if (first === undefined) return;
  const more = others.length > 0 ? ` (and ${others.length} more like it)` : '';
  throw new MlsignError(first.severity === 'undetermined' ? 'unavailable' : 'refused', first.code, `${first.message}${more}`, {
    subject: first.subject,
    expected: first.expected,
    got: first.got,
    suggestions: first.suggestion === undefined ? [] : [first.suggestion],
  });
}
