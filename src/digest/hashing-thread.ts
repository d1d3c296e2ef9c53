import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs';
import { systemErrorCode } from '../core/index.ts';
import { glance } from '../filetypes/index.ts';
import type { Control } from './control.ts';
import type { Hasher } from './engine.ts';
import { CHANGED, HASHED, NOT_A_FILE, type WorkList } from './work-list.ts';

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
    for (let item = this.#claim(work); item !== undefined; item = this.#claim(work)) {
      const start = work.start(item);
      const end = work.end(item);
      const isSmall = end - start <= CHUNK_BYTES;
      const status = isSmall ? this.#hashSmall(work, item, start, end) : await this.#hashLarge(work, item, start, end, readAhead);
      if (this.#control.stopped) break;
      last = work.settle(item, status);
      this.#control.addFiles(this.#thread, work.share(item));
      const breath = isSmall ? this.#breatheAfter(end - start + OPEN_BYTES) : undefined;
      if (breath !== undefined) await breath;
    }
    return last;
  }

  #claim(work: WorkList): number | undefined {
    return this.#control.stopped ? undefined : work.claim();
  }

  /** Without a promise, which would cost a small file a good part of its time. */
  #hashSmall(work: WorkList, item: number, start: number, end: number): number {
    try {
      const file = openItem(work, item);
      try {
        const status = this.#conclude(work, item, file, this.#digestAtOnce(file, start, end));
        if (status === HASHED && work.isToGlance(item))
          work.setFormat(item, glance(work.path(item), this.#buffer.subarray(0, end - start)));
        return status;
      } finally {
        closeSync(file);
      }
    } catch (error) {
      return errorStatus(error, work.followLink(item));
    }
  }

  async #hashLarge(work: WorkList, item: number, start: number, end: number, readAhead: boolean): Promise<number> {
    try {
      const file = openItem(work, item);
      try {
        return this.#conclude(work, item, file, await this.#digest(file, start, end, readAhead));
      } finally {
        closeSync(file);
      }
    } catch (error) {
      return errorStatus(error, work.followLink(item));
    }
  }

  /** Compares the file with the listing, which came before it was read: this tells of every change from then until now. */
  #conclude(work: WorkList, item: number, file: number, digest: string | undefined): number {
    const stats = fstatSync(file);
    if (!stats.isFile()) return NOT_A_FILE;
    if (digest === undefined || !work.unchanged(item, stats)) return CHANGED;
    work.setDigest(item, digest);
    return HASHED;
  }

  #digestAtOnce(file: number, start: number, end: number): string | undefined {
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
  async #digest(file: number, start: number, end: number, readAhead: boolean): Promise<string | undefined> {
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
      if (next === undefined) {
        await this.#breatheAfter(bytes);
        bytes = readSync(file, buffer, 0, wanted, at);
      } else bytes = await next;
      [buffer, other] = [other, buffer];
    }
  }

  #breatheAfter(bytes: number): Promise<void> | undefined {
    if (this.#breathe === undefined) return undefined;
    this.#sinceBreath += bytes;
    if (this.#sinceBreath < BREATH_BYTES) return undefined;
    this.#sinceBreath = 0;
    return this.#breathe();
  }
}

function openItem(work: WorkList, item: number): number {
  return openSync(work.path(item), work.followLink(item) ? OPEN : OPEN | NO_FOLLOW);
}

function errorStatus(error: unknown, followLink: boolean): number {
  const code = systemErrorCode(error) ?? '';
  // O_NOFOLLOW met a link where a file had been listed.
  if (code === 'ELOOP' && !followLink) return CHANGED;
  // A pipe has no position to read from, a socket cannot be opened, a directory not be read.
  if (['ESPIPE', 'ENXIO', 'EISDIR'].includes(code)) return NOT_A_FILE;
  if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') return error.errno;
  throw error;
}

function readAsync(file: number, buffer: Buffer, length: number, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(file, buffer, 0, length, position, (error, bytes) => {
      if (error === null) resolve(bytes);
      else reject(error);
    });
  });
}
