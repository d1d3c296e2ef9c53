import type { Stats } from 'node:fs';
import { FILE_FORMATS, type FileFormat } from '../filetypes/index.ts';
import { type FileIdentity, identityOf } from './identity.ts';

/** One range of one file to hash. */
export interface WorkItem {
  readonly path: string;
  /** The first byte, and the one after the last. */
  readonly start: number;
  readonly end: number;
  /** Of what it is a range: the file, or a part of it. */
  readonly size: number;
  /** The file as it was listed. */
  readonly identity: FileIdentity;
  /** Whether the path may be a symbolic link. */
  readonly followLink: boolean;
  /** Whether to look at what the file is, while all of it is in memory. */
  readonly glance: boolean;
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

const NUMBERS = 7;
const INTEGERS = 4;
/** Instead of the number of a format. */
const NOT_KNOWN = -1;
const TO_GLANCE = -2;
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
  /** per item: start, end, size of the file, mtime, inode, device, size of what it is a range of */
  readonly #numbers: Float64Array;
  /** per item: status, follow link, which path, format (the number of one in FILE_FORMATS, or one of these) */
  readonly #integers: Int32Array;
  /** in hex */
  readonly #digests: Buffer;
  /** UTF-8, a zero byte between two */
  readonly #joinedPaths: Buffer;
  #paths: readonly string[] | undefined;

  constructor(shared: SharedWork) {
    const { buffer, count, digestBytes } = shared;
    this.shared = shared;
    this.count = count;
    this.#counters = new Int32Array(buffer, 0, 2);
    this.#numbers = new Float64Array(buffer, 8, count * NUMBERS);
    this.#integers = new Int32Array(buffer, 8 + count * NUMBERS * 8, count * INTEGERS);
    const digests = fixedBytes(count);
    const paths = digests + count * 2 * digestBytes;
    this.#digests = Buffer.from(buffer, digests, paths - digests);
    this.#joinedPaths = Buffer.from(buffer, paths);
  }

  /** Lays items out in shared memory. Ranges of one file that follow each other share its path. */
  static of(items: readonly WorkItem[], digestBytes: number): WorkList {
    const count = items.length;
    const paths: string[] = [];
    for (const { path } of items) if (path !== paths.at(-1)) paths.push(path);
    const joined = Buffer.from(paths.join('\0'));
    const fixed = fixedBytes(count) + count * 2 * digestBytes;
    const list = new WorkList({ buffer: new SharedArrayBuffer(fixed + joined.length), count, digestBytes });
    list.#joinedPaths.set(joined);
    list.#fill(items);
    return list;
  }

  #fill(items: readonly WorkItem[]): void {
    const [numbers, integers] = [this.#numbers, this.#integers];
    let [number, integer, whichPath] = [0, 0, -1];
    let previous: string | undefined;
    for (const { path, start, end, size, identity, followLink, glance } of items) {
      if (path !== previous) whichPath++;
      previous = path;
      numbers[number++] = start;
      numbers[number++] = end;
      numbers[number++] = identity.size;
      numbers[number++] = identity.mtimeMs;
      numbers[number++] = identity.ino;
      numbers[number++] = identity.dev;
      numbers[number++] = size;
      integers[integer++] = PENDING;
      integers[integer++] = followLink ? 1 : 0;
      integers[integer++] = whichPath;
      integers[integer++] = glance ? TO_GLANCE : NOT_KNOWN;
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
    this.#paths ??= this.#joinedPaths.toString().split('\0');
    return this.#paths[this.#integers[item * INTEGERS + 2] ?? 0] ?? '';
  }

  followLink(item: number): boolean {
    return this.#integers[item * INTEGERS + 1] === 1;
  }

  /** Whether to look at what the file is. */
  isToGlance(item: number): boolean {
    return this.#integers[item * INTEGERS + 3] === TO_GLANCE;
  }

  /** Leaves what the file is; undefined where a glance does not tell. */
  setFormat(item: number, format: FileFormat | undefined): void {
    this.#integers[item * INTEGERS + 3] = format === undefined ? NOT_KNOWN : FILE_FORMATS.indexOf(format);
  }

  /** What the file of an item that is hashed is, where a glance told. */
  format(item: number): FileFormat | undefined {
    return FILE_FORMATS[this.#integers[item * INTEGERS + 3] ?? NOT_KNOWN];
  }

  start(item: number): number {
    return this.#numbers[item * NUMBERS] ?? 0;
  }

  end(item: number): number {
    return this.#numbers[item * NUMBERS + 1] ?? 0;
  }

  /** How much of its file an item is, at most 1. */
  share(item: number): number {
    const size = this.#numbers[item * NUMBERS + 6] ?? 0;
    return size === 0 ? 1 : (this.end(item) - this.start(item)) / size;
  }

  /** Whether a stat shows the file as it was listed. */
  unchanged(item: number, stats: Stats): boolean {
    const at = item * NUMBERS;
    const { size, mtimeMs, ino, dev } = identityOf(stats);
    const numbers = this.#numbers;
    return numbers[at + 2] === size && numbers[at + 3] === mtimeMs && numbers[at + 4] === ino && numbers[at + 5] === dev;
  }

  /** Leaves the digest of an item, in lower-case hex. */
  setDigest(item: number, digest: string): void {
    this.#digests.write(digest, item * 2 * this.shared.digestBytes, 'latin1');
  }

  /** The digest of an item that is hashed, in lower-case hex. */
  digest(item: number): string {
    const length = 2 * this.shared.digestBytes;
    return this.#digests.toString('latin1', item * length, (item + 1) * length);
  }
}

/** What a list takes before its digests and paths. */
function fixedBytes(count: number): number {
  return 8 + count * (NUMBERS * 8 + INTEGERS * 4);
}
