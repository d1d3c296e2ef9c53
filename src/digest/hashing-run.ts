import { availableParallelism } from 'node:os';
import { setImmediate as breathe } from 'node:timers/promises';
import { DIGEST_BYTES, interrupted, type MlsignError, type OnProgress } from '../core/index.ts';
import { Control } from './control.ts';
import { chooseEngine, createHasher, type EngineName } from './engine.ts';
import type { FileToHash, HashedFiles, HashOptions } from './hash-files.ts';
import { HashResults } from './hash-results.ts';
import { CHUNK_BYTES, HashingThread } from './hashing-thread.ts';
import { countRanges, MOST_RANGES, rangeAt, tooManyShards } from './ranges.ts';
import { HASHED, type WorkItem, WorkList } from './work-list.ts';
import { WorkerPool } from './worker-pool.ts';

/** Below this the work is done before a worker has started. */
const WORTH_WORKERS = 64 * 1024 * 1024;
/** More threads than this would only cost memory, 15 MB each: at some 2 GB/s each they are already faster than disks. */
const MOST_THREADS = 8;
const RANGES_A_LIST = 256;
/** Lists that wait before finding more files has to wait, too. */
const MOST_LISTS = 64;
/** Files taken between two turns of the event loop. */
const STRIDE = 256;
const PROGRESS_MS = 100;

/** A range, with its number in the results. */
interface NumberedItem<F> extends WorkItem {
  readonly number: number;
  readonly file: F;
}

interface OpenList<F> {
  readonly list: WorkList;
  /** The numbers of its items in the results. */
  readonly numbers: Float64Array;
  /** The files of those items that are glanced at. */
  readonly files: readonly (F | undefined)[];
  readonly readAhead: boolean;
}

/**
 * One run over many files. Ranges of files go into shared lists, large ones first, from which every thread takes the
 * next: one huge file in shards, eight large files and twenty thousand small ones all keep every core busy.
 */
export class HashingRun<F extends FileToHash> {
  readonly #options: HashOptions<F>;
  readonly #threads: number;
  readonly #control: Control;
  readonly #pool = new WorkerPool(
    (id) => this.#listDone(id),
    (error) => this.#fail(error),
  );
  readonly #open = new Map<number, OpenList<F>>();
  readonly #results = new HashResults();
  #unlisted: NumberedItem<F>[] = [];
  #lists = 0;
  /** How many lists this thread has been through. */
  #helped = 0;
  #bytes = 0;
  /** Files of which there is nothing to hash. */
  #withoutRanges = 0;
  #engine: EngineName | undefined;
  #own: HashingThread | undefined;
  #failure: MlsignError | undefined;
  /** Fulfilled when a list is done or the run has failed; a new one each time that it was waited for. */
  #news = Promise.withResolvers<void>();

  constructor(options: HashOptions<F>) {
    this.#options = options;
    this.#threads = Math.max(1, options.workers ?? Math.min(availableParallelism(), MOST_THREADS));
    this.#control = Control.for(this.#threads + 1);
  }

  async hash(files: Iterable<F>): Promise<HashedFiles> {
    const { signal, onProgress } = this.#options;
    const abort = () => this.#fail(interrupted());
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    const reporting = onProgress === undefined ? undefined : setInterval(() => this.#report(onProgress), PROGRESS_MS).unref();
    try {
      await this.#takeAll(files);
      while (this.#open.size > 0) await this.#help();
      this.#throwIfFailed();
      if (onProgress !== undefined) this.#report(onProgress);
      // Workers end while this thread sums up.
      void this.#pool.close();
      return { engine: await this.#chosenEngine(), files: this.#results.all() };
    } finally {
      clearInterval(reporting);
      signal?.removeEventListener('abort', abort);
      this.#control.stop();
      await this.#pool.close();
    }
  }

  async #takeAll(files: Iterable<F>): Promise<void> {
    const { shardSize, onFile } = this.#options;
    let taken = 0;
    for (const file of files) {
      const { path, identity, followLink = false, part } = file;
      const { offset, size } = part ?? { offset: 0, size: identity.size };
      const count = this.#countRanges(path, size);
      const glance = onFile !== undefined && part === undefined && count === 1 && size <= CHUNK_BYTES;
      if (!glance) onFile?.(file, undefined);
      for (let range = 0; range < count; range++) {
        const [start, end] = rangeAt(range, size, shardSize);
        const place = { path, start: offset + start, end: offset + end, size };
        this.#unlisted.push({ ...place, identity, followLink, glance, number: this.#results.addRange(), file });
        if (this.#unlisted.length < RANGES_A_LIST) continue;
        this.#openList();
        while (this.#open.size > MOST_LISTS) await this.#help();
      }
      if (++taken % STRIDE !== 0) continue;
      await this.#startWorkers();
      await breathe();
      this.#throwIfFailed();
    }
    this.#openList();
    await this.#startWorkers();
  }

  /** Numbers the next file, and says of how many ranges digests are to come. */
  #countRanges(path: string, size: number): number {
    const { shardSize } = this.#options;
    this.#results.addFile(size);
    const count = countRanges(size, shardSize);
    if (this.#results.ranges + count <= MOST_RANGES) {
      this.#bytes += size;
      if (count === 0) this.#withoutRanges++;
      return count;
    }
    this.#results.failFile(tooManyShards(path, size, shardSize));
    this.#withoutRanges++;
    return 0;
  }

  #fail(error: MlsignError): void {
    this.#failure ??= error;
    this.#control.stop();
    this.#news.resolve();
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Makes a list of the ranges taken, large ranges first, and opens it to all threads. */
  #openList(): void {
    if (this.#unlisted.length === 0) return;
    const items = this.#unlisted.sort((a, b) => b.end - b.start - (a.end - a.start));
    this.#unlisted = [];
    const list = WorkList.of(items, DIGEST_BYTES[this.#options.algorithm]);
    const readAhead = this.#bytes >= WORTH_WORKERS && this.#results.ranges < this.#threads;
    const id = this.#lists++;
    const numbers = Float64Array.from(items, ({ number }) => number);
    const files = items.map(({ file, glance }) => (glance ? file : undefined));
    this.#open.set(id, { list, numbers, files, readAhead });
    this.#pool.post({ id, list: list.shared, readAhead });
  }

  #listDone(id: number): void {
    const done = this.#open.get(id);
    if (done === undefined) return;
    this.#open.delete(id);
    this.#pool.forget(id);
    const { list, numbers, files } = done;
    this.#results.take(list, numbers);
    const { onFile } = this.#options;
    files.forEach((file, item) => {
      if (file !== undefined) onFile?.(file, list.status(item) === HASHED ? list.format(item) : undefined);
    });
    this.#news.resolve();
  }

  /** Works off one more list, where this thread takes part and one is left; otherwise waits until something has changed. */
  async #help(): Promise<void> {
    this.#throwIfFailed();
    if ((this.#options.useMainThread || this.#pool.size === 0) && this.#helped < this.#lists) {
      this.#own ??= await this.#ownThread();
      const id = this.#helped++;
      const open = this.#open.get(id);
      if (open !== undefined && (await this.#own.workOff(open.list, open.readAhead))) this.#listDone(id);
    } else {
      await this.#news.promise;
      this.#news = Promise.withResolvers();
    }
  }

  async #ownThread(): Promise<HashingThread> {
    const hasher = await createHasher(await this.#chosenEngine(), this.#options.algorithm);
    return new HashingThread({ hasher, control: this.#control, thread: 0, breathe });
  }

  async #chosenEngine(): Promise<EngineName> {
    this.#engine ??= await chooseEngine(this.#options.engine ?? 'auto', this.#options.algorithm, this.#bytes);
    return this.#engine;
  }

  async #startWorkers(): Promise<void> {
    if (this.#bytes < WORTH_WORKERS) return;
    const own = this.#options.useMainThread ? 1 : 0;
    const wanted = Math.min(this.#threads, this.#results.ranges) - own;
    while (this.#pool.size < wanted) {
      const { algorithm } = this.#options;
      const engine = await this.#chosenEngine();
      this.#pool.start({ engine, algorithm, control: this.#control.buffer, thread: this.#pool.size + 1 });
    }
  }

  #report(onProgress: OnProgress): void {
    const { bytes, files } = this.#control.done();
    const filesDone = files + this.#withoutRanges;
    onProgress({ bytesDone: bytes, bytesTotal: this.#bytes, filesDone, filesTotal: this.#results.files });
  }
}
