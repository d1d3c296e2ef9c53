import type { OpenFile } from './open-file.ts';

const WINDOW_BYTES = 64 * 1024;

/** A part of a file that is walked from front to back through a small window; what is skipped is never read. */
export class ByteWindow {
  readonly #file: OpenFile;
  /** Offset in the file where the part ends. */
  readonly end: number;
  #bytes: Buffer = Buffer.alloc(0);
  #start: number;
  /** Offset in the file of the next byte. */
  offset: number;
  /** Bytes read so far. */
  read = 0;

  constructor(file: OpenFile, start = 0, end: number = file.size) {
    this.#file = file;
    this.#start = start;
    this.offset = start;
    this.end = end;
  }

  /** The bytes ahead that are in memory. */
  get ahead(): Buffer {
    const at = this.offset - this.#start;
    return at >= 0 && at < this.#bytes.length ? this.#bytes.subarray(at) : Buffer.alloc(0);
  }

  /** Makes at least `length` bytes ahead be in memory; false where the part ends before. */
  async fill(length: number): Promise<boolean> {
    if (this.ahead.length >= length) return true;
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), this.end - this.offset);
    if (wanted > this.ahead.length) {
      this.#bytes = await this.#file.read(this.offset, wanted);
      this.#start = this.offset;
      this.read += this.#bytes.length;
    }
    return this.ahead.length >= length;
  }
}
