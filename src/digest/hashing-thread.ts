import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs';
import { systemErrorCode } from '../core/index.ts';
import type { Control } from './control.ts';
import type { Hasher } from './engine.ts';
import { CHANGED, HASHED, NOT_A_FILE, PENDING, type WorkList } from './work-list.ts';

/** Small enough to stay in a processor's cache between reading and hashing, large enough that calls do not count. */
export const CHUNK_BYTES = 1024 * 1024;

/** A thread that others wait for lets them have their turn after this many bytes: a few milliseconds. */
const BREATH_BYTES = 8 * CHUNK_BYTES;
/** What opening a file costs, in bytes that could have been hashed. */
const OPEN_BYTES = 16 * 1024;

/** No pipe, device or link is ever waited for or followed; Windows has neither flag, and there the identity tells. */
const OPEN = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

/** How a thread takes part. */
export interface HashingThreadOptions {
  readonly hasher: Hasher;
  readonly control: Control;
  /** The thread's number in {@link Control}. */
  readonly thread: number;
  /** Lets other work of this thread's event loop run; absent in a worker, which has none. */
  readonly breathe?: () => Promise<void>;
}

/** Works off lists, item by item, with one buffer for everything. */
export class HashingThread {
  readonly #hasher: Hasher;
  readonly #control: Control;
  readonly #thread: number;
  readonly #breathe: (() => Promise<void>) | undefined;
  readonly #buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  /** The second buffer, made when something is first read ahead. */
  #spare: Buffer | undefined;
  #sinceBreath = 0;

  constructor({ hasher, control, thread, breathe }: HashingThreadOptions) {
    this.#hasher = hasher;
    this.#control = control;
    this.#thread = thread;
    this.#breathe = breathe;
  }

  /**
   * Claims and hashes items until none is left, or the run is stopped.
   *
   * @param readAhead reads the next bytes while the last are hashed: for when there are fewer items than cores
   * @returns whether this thread did the last item of the list
   */
  async workOff(work: WorkList, readAhead: boolean): Promise<boolean> {
    let last = false;
    while (!this.#control.stopped) {
      const item = work.claim();
      if (item === undefined) break;
      const status = await this.#settledStatus(work, item, readAhead);
      if (status === PENDING) break;
      last = work.settle(item, status);
      const [length, size] = [work.end(item) - work.start(item), work.size(item)];
      this.#control.addFiles(this.#thread, length === size ? 1 : length / size);
    }
    return last;
  }

  async #settledStatus(work: WorkList, item: number, readAhead: boolean): Promise<number> {
    try {
      return await this.#hash(work, item, readAhead);
    } catch (error) {
      // O_NOFOLLOW met a link where a file had been listed.
      if (systemErrorCode(error) === 'ELOOP' && !work.followLink(item)) return CHANGED;
      if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') return error.errno;
      throw error;
    }
  }

  async #hash(work: WorkList, item: number, readAhead: boolean): Promise<number> {
    const file = openSync(work.path(item), work.followLink(item) ? OPEN : OPEN | NO_FOLLOW);
    try {
      const [start, end] = [work.start(item), work.end(item)];
      const small = end - start <= CHUNK_BYTES;
      const digest = small ? this.#digestAtOnce(file, start, end) : await this.#digest(file, start, end, readAhead);
      if (this.#breathe !== undefined) await this.#breatheAfter(OPEN_BYTES + Math.min(end - start, CHUNK_BYTES), this.#breathe);
      if (this.#control.stopped) return PENDING;
      // Compared with the listing, which came before: this tells of every change from then until now.
      const stats = fstatSync(file);
      if (!stats.isFile()) return NOT_A_FILE;
      if (digest === undefined || !work.unchanged(item, stats)) return CHANGED;
      work.setDigest(item, digest);
      return HASHED;
    } finally {
      closeSync(file);
    }
  }

  #digestAtOnce(file: number, start: number, end: number): Uint8Array | undefined {
    let length = 0;
    while (length < end - start) {
      const bytes = readSync(file, this.#buffer, length, end - start - length, start + length);
      if (bytes === 0) return undefined;
      length += bytes;
    }
    this.#control.addBytes(this.#thread, length);
    return this.#hasher.digest(this.#buffer.subarray(0, length));
  }

  /** Undefined where the file ends early or the run is stopped. */
  async #digest(file: number, start: number, end: number, readAhead: boolean): Promise<Uint8Array | undefined> {
    const hasher = this.#hasher;
    hasher.begin();
    let [buffer, other]: [Buffer, Buffer] = [this.#buffer, this.#buffer];
    if (readAhead) {
      this.#spare ??= Buffer.allocUnsafeSlow(CHUNK_BYTES);
      other = this.#spare;
    }
    let bytes = readSync(file, buffer, 0, Math.min(CHUNK_BYTES, end - start), start);
    for (let at = start; ; ) {
      if (bytes === 0 || this.#control.stopped) return undefined;
      at += bytes;
      const wanted = Math.min(CHUNK_BYTES, end - at);
      const next = readAhead && wanted > 0 ? readAsync(file, other, wanted, at) : undefined;
      hasher.update(bytes === CHUNK_BYTES ? buffer : buffer.subarray(0, bytes));
      this.#control.addBytes(this.#thread, bytes);
      if (wanted === 0) return hasher.end();
      if (this.#breathe !== undefined) await this.#breatheAfter(bytes, this.#breathe);
      bytes = next === undefined ? readSync(file, buffer, 0, wanted, at) : await next;
      [buffer, other] = [other, buffer];
    }
  }

  async #breatheAfter(bytes: number, breathe: () => Promise<void>): Promise<void> {
    this.#sinceBreath += bytes;
    if (this.#sinceBreath < BREATH_BYTES) return;
    this.#sinceBreath = 0;
    await breathe();
  }
}

function readAsync(file: number, buffer: Buffer, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, buffer, 0, length, position, (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    });
  });
}
