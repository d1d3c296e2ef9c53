import type { ArchiveBytes } from '../archive/index.ts';
import type { FileIdentity } from '../digest/index.ts';
import type { Store, StoredObject } from '../store/index.ts';

const RANGE_BYTES = 4 * 1024 * 1024;
/** Enough to hide the latency of a bucket. */
const AT_ONCE = 4;

/** An archive at a pinned version of an object: nothing of it touches the disk. */
export class StoredArchive implements ArchiveBytes {
  readonly where: string;
  readonly #store: Store;
  readonly #object: StoredObject;
  readonly #signal: AbortSignal | undefined;

  constructor(store: Store, object: StoredObject, signal?: AbortSignal) {
    this.where = `${store.url}/${object.key}`;
    this.#store = store;
    this.#object = object;
    this.#signal = signal;
  }

  async lend<T>(use: (identity: FileIdentity, chunks: (signal?: AbortSignal) => AsyncIterable<Buffer>) => Promise<T>): Promise<T> {
    // A version has one state for ever.
    return await use({ size: this.#object.size, mtimeMs: 0, ino: 0, dev: 0 }, (signal) => this.#chunks(signal));
  }

  again(_identity: FileIdentity, signal?: AbortSignal): AsyncIterable<Buffer> {
    return this.#chunks(signal);
  }

  async readInto(buffer: Buffer, place: number): Promise<number> {
    const length = Math.max(0, Math.min(buffer.length, this.#object.size - place));
    if (length > 0) await this.#store.readRange(this.#object, place, buffer.subarray(0, length), this.#signal);
    return length;
  }

  async refuseChanged(): Promise<void> {}

  /** Some ranges are under way while one is used; a piece is good until the next but one is asked for. */
  async *#chunks(signal = this.#signal): AsyncGenerator<Buffer, void, undefined> {
    const { size } = this.#object;
    const count = Math.ceil(size / RANGE_BYTES);
    const buffers = Array.from({ length: Math.min(count, AT_ONCE + 2) }, () => Buffer.allocUnsafeSlow(Math.min(size, RANGE_BYTES)));
    const stop = new AbortController();
    const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    const begin = async (index: number): Promise<Buffer> => {
      const start = index * RANGE_BYTES;
      const buffer = buffers[index % buffers.length] ?? Buffer.alloc(0);
      const range = buffer.subarray(0, Math.min(RANGE_BYTES, size - start));
      await this.#store.readRange(this.#object, start, range, both);
      return range;
    };
    const pending: Promise<Buffer>[] = [];
    const queue = (index: number): void => {
      if (index >= count) return;
      const range = begin(index);
      range.catch(() => undefined);
      pending.push(range);
    };
    try {
      for (let index = 0; index < AT_ONCE; index++) queue(index);
      for (let index = 0; index < count; index++) {
        const range = await pending.shift();
        queue(index + AT_ONCE);
        if (range !== undefined) yield range;
      }
    } finally {
      stop.abort();
      await Promise.allSettled(pending);
    }
  }
}
