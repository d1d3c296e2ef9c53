import type { HashType, OnProgress } from '../core/index.ts';
import type { FileFormat } from '../filetypes/index.ts';
import type { EngineChoice, EngineName } from './engine.ts';
import type { HashedFile } from './hash-results.ts';
import { HashingRun } from './hashing-run.ts';
import type { FileIdentity } from './identity.ts';

/** A file to hash. */
export interface FileToHash {
  /** Absolute, or relative to the working directory. */
  readonly path: string;
  /** The file as it was listed: it must still be that one, and stay so until it is hashed. */
  readonly identity: FileIdentity;
  /** Whether the path may be a symbolic link, which is followed. */
  readonly followLink?: boolean | undefined;
  /** The part of it to hash, as it lies in an archive; the whole unless given. */
  readonly part?: FilePart | undefined;
}

/** Bytes of a larger file that are a file themselves. */
export interface FilePart {
  readonly offset: number;
  readonly size: number;
}

/** How files are hashed. */
export interface HashOptions<F extends FileToHash = FileToHash> {
  readonly algorithm: HashType;
  /** `auto` unless given. */
  readonly engine?: EngineChoice | undefined;
  /** Bytes a shard; whole files unless given. */
  readonly shardSize?: number | undefined;
  /** Threads that hash, the calling one included where it takes part; the number of cores, eight at most, unless given. */
  readonly workers?: number | undefined;
  /** Whether the calling thread hashes beside the workers. It lets its event loop run every few milliseconds. */
  readonly useMainThread?: boolean | undefined;
  /**
   * Told of each file: with what it is, where a glance at all of its bytes told so while they were in memory, once it is hashed; and
   * at once, without, where it is too large, or a part of another file.
   */
  readonly onFile?: ((file: F, format: FileFormat | undefined) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What {@link hashFiles} gives. */
export interface HashedFiles {
  readonly engine: EngineName;
  /** One for each file, in the order given. */
  readonly files: readonly HashedFile[];
}

/**
 * Hashes files, while they are still being found where they come from a generator.
 *
 * @returns for each file its digests, or its error: `file-changed-while-read`, `not-a-file`, `too-many-shards`, and what
 *   `fileError` gives
 * @throws MlsignError `interrupted`, `engine-lacks-algorithm`, `worker-failed`
 */
export async function hashFiles<F extends FileToHash>(files: Iterable<F>, options: HashOptions<F>): Promise<HashedFiles> {
  return await new HashingRun(options).hash(files);
}
