import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs';
import { fileError, type MlsignError, type OnProgress, refused, throwIfAborted } from '../core/index.ts';
import {
  chooseEngine,
  createHasher,
  type EngineName,
  type FileToHash,
  type HashOptions,
  identityOf,
  RangeHasher,
} from '../digest/index.ts';
import type { ArchiveFormat } from './archive-format.ts';
import { isSame } from './archive-handle.ts';
import { ArchiveProgress } from './archive-progress.ts';
import { type GzipOptions, gzipBlocks } from './gzip-blocks.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { checkMemberName } from './member-name.ts';
import { NameTree } from './name-tree.ts';
import { END_BLOCKS, encodeHeader, padding } from './pack-header.ts';

/** A file that goes into an archive. */
export interface FileToPack extends FileToHash {
  /** Relative to the model, `/` between segments. */
  readonly name: string;
}

/** What was packed, and its digests. */
export interface PackedContent {
  readonly engine: EngineName;
  /** In the order of the files. */
  readonly digests: readonly (readonly string[])[];
}

/** How files are packed, and hashed on the way. */
export interface PackOptions extends Pick<HashOptions, 'algorithm' | 'engine' | 'shardSize'>, GzipOptions {
  readonly format: ArchiveFormat;
  /** The time of every file, in seconds since 1970; 0 unless given. */
  readonly mtime?: number | undefined;
  /** Asked when all files are packed: gives one more, if any. */
  readonly finish?: ((content: PackedContent) => Promise<{ readonly name: string; readonly bytes: Uint8Array } | undefined>) | undefined;
  readonly onProgress?: OnProgress | undefined;
}

const BUFFER_BYTES = 1024 * 1024;

/**
 * Makes an archive, piece by piece: each file is read once, hashed and packed on the way. The same files under the same options
 * give the same tar stream everywhere, and with the same Node the same gzip.
 *
 * @param files in the order in which they are packed
 * @returns each piece is good until the next is asked for
 * @throws MlsignError `file-changed-while-read`, `archive-name-unsafe`, `archive-name-collision`, `archive-too-large`, and what
 *   {@link fileError} gives
 */
export function packFiles(files: readonly FileToPack[], options: PackOptions): AsyncGenerator<Buffer, void, undefined> {
  const tar = tarStream(files, options);
  return options.format === 'tar' ? tar : gzipBlocks(tar, options);
}

/**
 * Refuses names that whoever unpacks the archive would refuse.
 *
 * @throws MlsignError `archive-name-unsafe`, `archive-name-duplicate`, `archive-name-collision`, `archive-too-large`
 */
export function refuseUnpackable(names: Iterable<string>): void {
  const tree = new NameTree(DEFAULT_LIMITS);
  for (const name of names) {
    checkMemberName(Buffer.from(name));
    tree.add(name, 'file');
  }
}

async function* tarStream(files: readonly FileToPack[], options: PackOptions): AsyncGenerator<Buffer, void, undefined> {
  const { algorithm, shardSize, engine: choice = 'auto', mtime = 0, signal } = options;
  const total = files.reduce((sum, { identity }) => sum + identity.size, 0);
  const engine = await chooseEngine(choice, algorithm, total);
  const hasher = await createHasher(engine, algorithm);
  const reader = new FileReader();
  const progress = new ArchiveProgress(total, options.onProgress, files.length);
  const digests: (readonly string[])[] = [];
  for (const file of files) {
    throwIfAborted(signal);
    const { name, identity } = file;
    yield encodeHeader({ name, size: identity.size, mtime });
    const ranges = new RangeHasher(hasher, shardSize);
    for await (const piece of reader.read(file)) {
      throwIfAborted(signal);
      ranges.update(piece);
      progress.add(piece.length);
      progress.report(digests.length);
      yield piece;
    }
    digests.push(ranges.end());
    yield padding(identity.size);
  }
  progress.report(digests.length, true);
  const last = await options.finish?.({ engine, digests });
  if (last !== undefined) {
    const { name, bytes } = last;
    yield encodeHeader({ name, size: bytes.length, mtime });
    yield Buffer.from(bytes);
    yield padding(bytes.length);
  }
  yield END_BLOCKS;
}

/** Reads files whole, one after the other: the next piece while the last one is worked on. */
class FileReader {
  readonly #buffers = [Buffer.allocUnsafeSlow(BUFFER_BYTES), Buffer.allocUnsafeSlow(BUFFER_BYTES)] as const;

  /** Each piece is good until the next but one. */
  async *read({ name, path, identity, followLink = false }: FileToPack): AsyncGenerator<Buffer, void, undefined> {
    let file: number | undefined;
    try {
      file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (followLink ? 0 : (constants.O_NOFOLLOW ?? 0)));
      this.#refuseChanged(file, name, identity);
      yield* identity.size <= BUFFER_BYTES ? this.#readAtOnce(file, name, identity.size) : this.#readAhead(file, name, identity.size);
      this.#refuseChanged(file, name, identity);
    } catch (error) {
      throw fileError(error, 'read the file', path);
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }

  *#readAtOnce(file: number, name: string, size: number): Generator<Buffer, void, undefined> {
    const [buffer] = this.#buffers;
    for (let done = 0; done < size; ) {
      const bytes = readSync(file, buffer, done, size - done, done);
      if (bytes === 0) throw changed(name);
      done += bytes;
    }
    if (size > 0) yield buffer.subarray(0, size);
  }

  async *#readAhead(file: number, name: string, size: number): AsyncGenerator<Buffer, void, undefined> {
    const readAt = (position: number, turn: number): Promise<Buffer> => {
      const work = readPiece(file, turn % 2 === 0 ? this.#buffers[0] : this.#buffers[1], Math.min(BUFFER_BYTES, size - position), position);
      // Where nobody takes what comes before, nobody waits for this one.
      work.catch(() => undefined);
      return work;
    };
    let ahead: Promise<Buffer> | undefined = readAt(0, 0);
    try {
      for (let [position, turn] = [0, 1]; ahead !== undefined; turn++) {
        const piece: Buffer = await ahead;
        if (piece.length === 0) throw changed(name);
        position += piece.length;
        ahead = position < size ? readAt(position, turn) : undefined;
        yield piece;
      }
    } finally {
      // The file may be closed only when nothing reads from it.
      await ahead?.catch(() => undefined);
    }
  }

  #refuseChanged(file: number, name: string, identity: FileToPack['identity']): void {
    const stats = fstatSync(file);
    if (!stats.isFile() || !isSame(identityOf(stats), identity)) throw changed(name);
  }
}

function readPiece(file: number, into: Buffer, length: number, position: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    read(file, into, 0, length, position, (error, bytes) => {
      if (error === null) resolve(into.subarray(0, bytes));
      else reject(error);
    });
  });
}

function changed(subject: string): MlsignError {
  return refused('file-changed-while-read', 'the file changed while it was read', {
    subject,
    suggestions: ['try again when nothing writes to it'],
  });
}
