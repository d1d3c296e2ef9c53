import { availableParallelism } from 'node:os';
import { setImmediate as breathe } from 'node:timers/promises';
import { DIGEST_BYTES, type HashType, interrupted, type MlsignError, type OnProgress } from '../core/index.ts';
import { Control } from './control.ts';
import { DigestStore } from './digest-store.ts';
import { chooseEngine, createHasher, type EngineChoice, type EngineName } from './engine.ts';
import { HashingThread } from './hashing-thread.ts';
import type { FileIdentity } from './identity.ts';
import { itemError } from './item-error.ts';
import { ranges } from './ranges.ts';
import { HASHED, type WorkItem, WorkList } from './work-list.ts';
import { WorkerPool } from './worker-pool.ts';

/** A file to hash. */
export interface FileToHash {
  /** Absolute, or relative to the working directory. */
  readonly path: string;
  /** The file as it was listed: it must still be that one, and stay so until it is hashed. */
  readonly identity: FileIdentity;
  /** Whether the path may be a symbolic link, which is followed. */
  readonly followLink?: boolean | undefined;
}

/** How files are hashed. */
export interface HashOptions {
  readonly algorithm: HashType;
  /** `auto` unless given. */
  readonly engine?: EngineChoice | undefined;
  /** Bytes a shard; whole files unless given. */
  readonly shardSize?: number | undefined;
  /** Threads that hash, the calling one included where it takes part; the number of cores, eight at most, unless given. */
  readonly workers?: number | undefined;
  /** Whether the calling thread hashes beside the workers. It lets its event loop run every few milliseconds. */
  readonly useMainThread?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** The digests of a file, in lower-case hex: one, or one a shard (none for a file of zero bytes in shards); or why there are none. */
export type HashedFile = { readonly size: number; readonly digests: readonly string[] } | { readonly error: MlsignError };

/** Below this the work is done before a worker has started. */
const WORTH_WORKERS = 64 * 1024 * 1024;
/** Each worker takes some 10 MB: more of them than this would break the promise on memory for little, as memory is no faster. */
const MOST_THREADS = 8;
const ITEMS_A_LIST = 256;
/** Lists waiting before whoever finds files has to wait too. */
const MOST_LISTS = 64;
const PROGRESS_MS = 100;

/** A range, with its number in the order of adding. */
interface NumberedItem extends WorkItem {
  readonly number: number;
}

interface OpenList {
  readonly list: WorkList;
  /** The number of each item. */
  readonly numbers: Float64Array;
  readonly readAhead: boolean;
}

/**
 * Hashes files while they are still being found. Call {@link add} for each, {@link pace} now and then, {@link finish}
 * for the digests, and {@link close} in the end, whatever happened.
 *
 * Ranges of files go into shared lists, large ones first, from which every thread takes the next: one huge file in
 * shards, eight large files and twenty thousand small ones all keep every core busy.
 */
export class FileHasher {
  readonly #options: HashOptions;
  readonly #threads: number;
  readonly #control: Control;
  readonly #pool = new WorkerPool(
    (id) => this.#listDone(id),
    (error) => this.#fail(error),
  );
  readonly #open = new Map<number, OpenList>();
  readonly #digests: DigestStore;
  /** By item number. */
  readonly #errors = new Map<number, MlsignError>();
  /** By file: bytes, and the number of its first item. */
  readonly #sizes: number[] = [];
  readonly #firstItems: number[] = [];
  #unlisted: NumberedItem[] = [];
  #lists = 0;
  /** How many lists this thread has been through. */
  #helped = 0;
  #items = 0;
  #bytes = 0;
  /** Files of zero bytes, which have no shard. */
  #withoutItems = 0;
  #engine: EngineName | undefined;
  #own: HashingThread | undefined;
  #failure: MlsignError | undefined;
  #news = Promise.withResolvers<void>();
  #reporting: NodeJS.Timeout | undefined;

  constructor(options: HashOptions) {
    this.#options = options;
    this.#threads = Math.max(1, options.workers ?? Math.min(availableParallelism(), MOST_THREADS));
    this.#control = Control.for(this.#threads + 1);
    this.#digests = new DigestStore(DIGEST_BYTES[options.algorithm]);
    options.signal?.addEventListener('abort', this.#abort);
    if (options.signal?.aborted) this.#abort();
    const { onProgress } = options;
    if (onProgress !== undefined) this.#reporting = setInterval(() => this.#report(onProgress), PROGRESS_MS).unref();
  }

  /** The engine in use, once there was something to hash. */
  get engine(): EngineName | undefined {
    return this.#engine;
  }

  /** Adds a file; its digests will stand where it stands in the order of adding. */
  add({ path, identity, followLink = false }: FileToHash): void {
    const { size } = identity;
    this.#sizes.push(size);
    this.#firstItems.push(this.#items);
    this.#bytes += size;
    if (size === 0 && this.#options.shardSize !== undefined) this.#withoutItems++;
    for (const [start, end] of ranges(size, this.#options.shardSize)) {
      this.#unlisted.push({ path, start, end, identity, followLink, number: this.#items++ });
      if (this.#unlisted.length === ITEMS_A_LIST) this.#openList();
    }
  }

  /** Starts workers when there is enough to do, lets the event loop run, and holds the caller while too much is waiting. */
  async pace(): Promise<void> {
    await this.#startWorkers();
    await breathe();
    while (this.#open.size > MOST_LISTS) await this.#help();
    this.#throwIfFailed();
  }

  /**
   * Hashes what is left.
   *
   * @returns for each file added, its digests or its error
   * @throws MlsignError `interrupted`, `engine-lacks-algorithm`, `worker-failed`
   */
  async finish(): Promise<readonly HashedFile[]> {
    this.#openList();
    await this.#startWorkers();
    while (this.#open.size > 0) await this.#help();
    this.#throwIfFailed();
    if (this.#options.onProgress !== undefined) this.#report(this.#options.onProgress);
    return this.#sizes.map((size, file) => this.#result(file, size));
  }

  /** Stops everything and ends the workers. */
  async close(): Promise<void> {
    clearInterval(this.#reporting);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#control.stop();
    await this.#pool.close();
  }

  readonly #abort = (): void => this.#fail(interrupted());

  #fail(error: MlsignError): void {
    this.#failure ??= error;
    this.#control.stop();
    this.#news.resolve();
  }

  #throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  #result(file: number, size: number): HashedFile {
    const digests: string[] = [];
    for (let item = this.#firstItems[file] ?? 0; item < (this.#firstItems[file + 1] ?? this.#items); item++) {
      const error = this.#errors.get(item);
      if (error !== undefined) return { error };
      digests.push(this.#digests.get(item));
    }
    return { size, digests };
  }

  /** Makes a list of what was added, large ranges first, and opens it to all threads. */
  #openList(): void {
    if (this.#unlisted.length === 0) return;
    const items = this.#unlisted.sort((a, b) => b.end - b.start - (a.end - a.start));
    this.#unlisted = [];
    const list = WorkList.of(items, DIGEST_BYTES[this.#options.algorithm]);
    const readAhead = this.#bytes >= WORTH_WORKERS && this.#items < this.#threads;
    const id = this.#lists++;
    this.#open.set(id, { list, numbers: Float64Array.from(items, ({ number }) => number), readAhead });
    this.#pool.post({ id, list: list.shared, readAhead });
  }

  #listDone(id: number): void {
    const done = this.#open.get(id);
    if (done === undefined) return;
    this.#open.delete(id);
    this.#pool.forget(id);
    for (const [item, number] of done.numbers.entries()) {
      const status = done.list.status(item);
      if (status === HASHED) this.#digests.set(number, done.list.digest(item));
      else this.#errors.set(number, itemError(status, done.list.path(item)));
    }
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
    const wanted = Math.min(this.#threads, this.#items) - own;
    while (this.#pool.size < wanted) {
      const { algorithm } = this.#options;
      const engine = await this.#chosenEngine();
      this.#pool.start({ engine, algorithm, control: this.#control.buffer, thread: this.#pool.size + 1 });
    }
  }

  #report(onProgress: OnProgress): void {
    const { bytes, files } = this.#control.done();
    const filesDone = files + this.#withoutItems;
    onProgress({ bytesDone: bytes, bytesTotal: this.#bytes, filesDone, filesTotal: this.#sizes.length });
  }
}
