import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { fileError, MlsignError, refused, throwIfAborted } from '../core/index.ts';
import { type HashedFile, RangeHasher } from '../digest/index.ts';
import { inParallel } from './in-parallel.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { BufferPool } from './s3-buffers.ts';
import { areEqual, countParts } from './s3-file.ts';
import { HashingThreads } from './s3-hashing.ts';
import { readRange, truncated } from './s3-range.ts';
import type { ObjectFetch, PartedObject, TransferOptions } from './store.ts';
import { type TransferProgress, withProgress } from './transfer-progress.ts';

const MIB = 1024 * 1024;
/** Memory for what is on its way: six ranges. */
const POOL_BYTES = 48 * MIB;
/** Most bytes asked for at once. */
const RANGE = 8 * MIB;
const LANES = 16;
const SMALL = MIB;
/** So much is written before the disk is told to keep it, while more comes: at the end it would take as long, and nothing else be done. */
const FLUSH = 64 * MIB;

/** A range of an object, within one part. */
interface Range {
  readonly part: number;
  readonly start: number;
  readonly end: number;
}

/** Reads objects whole, by their pinned versions, several at once. */
export async function fetchObjects(
  bucket: S3Bucket,
  fetches: readonly ObjectFetch[],
  { signal, onProgress }: TransferOptions,
): Promise<readonly HashedFile[]> {
  const threads = new HashingThreads(2);
  const pool = new BufferPool(POOL_BYTES);
  const sizes = fetches.map(({ object }) => object.size);
  try {
    return await withProgress(sizes, onProgress, (progress) =>
      inParallel(fetches, LANES, signal, async (fetch, each): Promise<HashedFile> => {
        throwIfAborted(each);
        try {
          const read = await new Download(bucket, fetch, { threads, pool, progress, signal: each }).run();
          progress.filesDone++;
          return read;
        } catch (error) {
          throwIfAborted(each);
          if (!(error instanceof MlsignError) || error.outcome === 'bug') throw error;
          return { error };
        }
      }),
    );
  } finally {
    await threads.close();
  }
}

interface DownloadState {
  readonly threads: HashingThreads;
  readonly pool: BufferPool;
  readonly progress: TransferProgress;
  readonly signal: AbortSignal;
}

/** One object on its way here. */
class Download {
  readonly #bucket: S3Bucket;
  readonly #fetch: ObjectFetch;
  readonly #state: DownloadState;
  #unflushed = 0;
  #flushing: Promise<unknown> = Promise.resolve();

  constructor(bucket: S3Bucket, fetch: ObjectFetch, state: DownloadState) {
    this.#bucket = bucket;
    this.#fetch = fetch;
    this.#state = state;
  }

  async run(): Promise<HashedFile> {
    const { path, object } = this.#fetch;
    const handle = path === undefined ? undefined : await this.#file(() => open(path, OPEN, 0o666));
    try {
      const here = handle === undefined ? NOTHING : await this.#rightParts(handle);
      let digests = await this.#pass(handle, here);
      if (this.#isWrong(digests)) {
        // Bytes may change on their way. Which did, the parts of the record tell.
        const right = handle === undefined ? NOTHING : await this.#rightParts(handle);
        if (right.size < object.parts.length) {
          this.#state.progress.bytesDone -= object.size;
          digests = await this.#pass(handle, right);
        }
      }
      if (handle !== undefined) {
        await this.#file(() => handle.truncate(object.size));
        await this.#file(() => handle.sync());
      }
      return { size: object.size, digests };
    } finally {
      await this.#flushing;
      await handle?.close();
    }
  }

  #isWrong(digests: readonly string[]): boolean {
    const { expected } = this.#fetch;
    return expected !== undefined && !areEqual(digests, expected);
  }

  /** The parts of the record that are in the file already. */
  async #rightParts(handle: FileHandle): Promise<ReadonlySet<number>> {
    const { object } = this.#fetch;
    const { size } = await this.#file(() => handle.stat());
    if (size === 0) return NOTHING;
    const [{ threads, pool, signal }, right] = [this.#state, new Set<number>()];
    const stream = await threads.open({ algorithm: 'sha256', shardSize: object.partSize }, size);
    const end = Math.min(size, object.size);
    for (let start = 0; start < end; start += RANGE) {
      const { bytes, release } = await pool.take(Math.min(RANGE, end - start), signal);
      try {
        await this.#readBack(handle, bytes, start);
        await stream.update(bytes);
      } finally {
        release();
      }
    }
    const digests = await stream.end();
    for (const [part, digest] of digests.entries()) {
      const isWhole = Math.min((part + 1) * object.partSize, object.size) <= end;
      if (isWhole && digest === object.parts[part]) right.add(part);
    }
    return right;
  }

  /** Hashes the whole object, in its order: parts that are here from the file, the others from the store, into the file. */
  async #pass(handle: FileHandle | undefined, here: ReadonlySet<number>): Promise<readonly string[]> {
    const { object, algorithm, shardSize } = this.#fetch;
    const { threads, pool, progress } = this.#state;
    // What is small is hashed before another thread has heard of it.
    const ranges = { algorithm, shardSize };
    const stream = await (object.size <= SMALL ? RangeHasher.of(ranges, object.size) : threads.open(ranges, object.size));
    if (object.size === 0) await this.#checkEmpty();
    const stop = new AbortController();
    const signal = AbortSignal.any([this.#state.signal, stop.signal]);
    const failures: unknown[] = [];
    const fail = (error: unknown) => {
      failures.push(error);
      stop.abort();
    };
    const pending = new Set<Promise<unknown>>();
    const keep = (work: Promise<unknown>) => {
      pending.add(work);
      void work.finally(() => pending.delete(work));
    };
    let before: Promise<unknown> = Promise.resolve();
    for (const range of rangesOf(object)) {
      const buffer = await pool.take(range.end - range.start, signal).catch(fail);
      if (buffer === undefined || failures.length > 0) {
        buffer?.release();
        break;
      }
      const { bytes, release } = buffer;
      const isHere = handle !== undefined && here.has(range.part);
      const got = isHere ? this.#readBack(handle, bytes, range.start) : readRange(this.#bucket, object, range.start, bytes, signal);
      // Hashed in their order, whatever order they come in.
      const isTurn = before;
      const work = got.then(async () => {
        progress.bytesDone += bytes.length;
        const written = handle === undefined || isHere ? undefined : this.#writeOut(handle, bytes, range.start);
        await Promise.all([written, isTurn.then(() => (failures.length > 0 ? undefined : stream.update(bytes)))]);
      });
      before = Promise.all([isTurn, got]).catch(() => undefined);
      keep(work.catch(fail).finally(release));
    }
    await Promise.all(pending);
    if (failures.length > 0) throw failures[0];
    return stream.end();
  }

  /** Of an object of no bytes there is no range. */
  async #checkEmpty(): Promise<void> {
    const { object } = this.#fetch;
    await this.#bucket.read(object, 0, this.#state.signal).catch((error: unknown) => {
      throw error instanceof MlsignError && error.code === 'object-too-large' ? truncated(this.#bucket, object, 'more') : error;
    });
  }

  async #readBack(handle: FileHandle, into: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < into.length; ) {
      const { bytesRead } = await this.#file(() => handle.read(into, at, into.length - at, position + at));
      if (bytesRead === 0) throw refused('file-changed', 'the file was cut while it was read', { subject: this.#fetch.path });
      at += bytesRead;
    }
  }

  async #writeOut(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file(() => handle.write(bytes, at, bytes.length - at, position + at));
      at += bytesWritten;
    }
    this.#unflushed += bytes.length;
    if (this.#unflushed < FLUSH) return;
    this.#unflushed = 0;
    // What fails here fails again at the end, where it is told.
    this.#flushing = this.#flushing.then(() => handle.datasync()).catch(() => undefined);
  }

  async #file<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fileError(error, 'write the file', this.#fetch.path ?? '');
    }
  }
}

const OPEN = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
const NOTHING: ReadonlySet<number> = new Set();

function* rangesOf({ size, partSize }: PartedObject): Generator<Range> {
  for (let part = 0; part < countParts(size, partSize); part++) {
    const last = Math.min((part + 1) * partSize, size);
    for (let start = part * partSize; start < last; start += RANGE) yield { part, start, end: Math.min(start + RANGE, last) };
  }
}
