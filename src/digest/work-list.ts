import type { Stats } from 'node:fs';
import { type FileIdentity, identityOf } from './identity.ts';

/** One range of one file to hash. */
export interface WorkItem {
  readonly path: string;
  /** The first byte, and the one after the last. */
  readonly start: number;
  readonly end: number;
  /** The file as it was listed. */
  readonly identity: FileIdentity;
  /** Whether the path may be a symbolic link. */
  readonly followLink: boolean;
}

/** What became of an item: one of these, or the negative number of a system error. */
export const PENDING = 0;
export const HASHED = 1;
/** The file was not, or did not stay, what was listed. */
export const CHANGED = 2;
/** No regular file any more. */
export const NOT_A_FILE = 3;

/** What a worker needs to see a {@link WorkList}: it is shared, not copied. */
export interface SharedWork {
  readonly buffer: SharedArrayBuffer;
  readonly count: number;
  readonly digestBytes: number;
}

const NUMBERS = 6;
const INTEGERS = 4;
const NEXT = 0;
const DONE = 1;

/**
 * A list of ranges in shared memory, which any number of threads work off: each claims the next item through one atomic
 * counter, and leaves the digest and the status in the list. Nothing is copied between threads and nothing is locked.
 */
export class WorkList {
  readonly shared: SharedWork;
  readonly count: number;
  /** next item to claim, items done */
  readonly #counters: Int32Array;
  /** per item: start, end, size, mtime, inode, device */
  readonly #numbers: Float64Array;
  /** per item: status, follow link, path's offset, path's length */
  readonly #integers: Int32Array;
  readonly #digests: Buffer;
  readonly #paths: Buffer;

  constructor(shared: SharedWork) {
    const { buffer, count, digestBytes } = shared;
    this.shared = shared;
    this.count = count;
    this.#counters = new Int32Array(buffer, 0, 2);
    this.#numbers = new Float64Array(buffer, 8, count * NUMBERS);
    this.#integers = new Int32Array(buffer, 8 + count * NUMBERS * 8, count * INTEGERS);
    const digests = 8 + count * (NUMBERS * 8 + INTEGERS * 4);
    this.#digests = Buffer.from(buffer, digests, count * digestBytes);
    this.#paths = Buffer.from(buffer, digests + count * digestBytes);
  }

  /** Lays items out in shared memory. Ranges of one file that follow each other share its path. */
  static of(items: readonly WorkItem[], digestBytes: number): WorkList {
    const count = items.length;
    let pathBytes = 0;
    let previous: string | undefined;
    for (const { path } of items) {
      if (path !== previous) pathBytes += Buffer.byteLength(path);
      previous = path;
    }
    const fixed = 8 + count * (NUMBERS * 8 + INTEGERS * 4 + digestBytes);
    const list = new WorkList({ buffer: new SharedArrayBuffer(fixed + pathBytes), count, digestBytes });
    list.#fill(items);
    return list;
  }

  #fill(items: readonly WorkItem[]): void {
    const [numbers, integers] = [this.#numbers, this.#integers];
    let [number, integer, offset, length] = [0, 0, 0, 0];
    let previous: string | undefined;
    for (const { path, start, end, identity, followLink } of items) {
      if (path !== previous) {
        offset += length;
        length = this.#paths.write(path, offset);
      }
      previous = path;
      numbers[number++] = start;
      numbers[number++] = end;
      numbers[number++] = identity.size;
      numbers[number++] = identity.mtimeMs;
      numbers[number++] = identity.ino;
      numbers[number++] = identity.dev;
      integers[integer++] = PENDING;
      integers[integer++] = followLink ? 1 : 0;
      integers[integer++] = offset;
      integers[integer++] = length;
    }
  }

  /** Takes the next item, which no other thread gets; undefined when all are taken. */
  claim(): number | undefined {
    const item = Atomics.add(this.#counters, NEXT, 1);
    return item < this.count ? item : undefined;
  }

  /** Leaves the status of an item; true for the last item of the list to be done. */
  settle(item: number, status: number): boolean {
    Atomics.store(this.#integers, item * INTEGERS, status);
    return Atomics.add(this.#counters, DONE, 1) === this.count - 1;
  }

  status(item: number): number {
    return Atomics.load(this.#integers, item * INTEGERS);
  }

  path(item: number): string {
    const offset = this.#integers[item * INTEGERS + 2] ?? 0;
    const length = this.#integers[item * INTEGERS + 3] ?? 0;
    return this.#paths.toString('utf8', offset, offset + length);
  }

  followLink(item: number): boolean {
    return this.#integers[item * INTEGERS + 1] === 1;
  }

  start(item: number): number {
    return this.#numbers[item * NUMBERS] ?? 0;
  }

  end(item: number): number {
    return this.#numbers[item * NUMBERS + 1] ?? 0;
  }

  /** Bytes of the whole file. */
  size(item: number): number {
    return this.#numbers[item * NUMBERS + 2] ?? 0;
  }

  /** Whether a stat shows the file as it was listed. */
  unchanged(item: number, stats: Stats): boolean {
    const at = item * NUMBERS;
    const { size, mtimeMs, ino, dev } = identityOf(stats);
    const numbers = this.#numbers;
    return numbers[at + 2] === size && numbers[at + 3] === mtimeMs && numbers[at + 4] === ino && numbers[at + 5] === dev;
  }

  /** Leaves the digest of an item, given in hex. */
  setDigest(item: number, digest: string): void {
    this.#digests.write(digest, item * this.shared.digestBytes, 'hex');
  }

  /** The digest of an item that is hashed, in lower-case hex. */
  digest(item: number): string {
    const { digestBytes } = this.shared;
    return this.#digests.toString('hex', item * digestBytes, (item + 1) * digestBytes);
  }
}
