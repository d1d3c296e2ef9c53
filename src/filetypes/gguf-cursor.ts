import { decodeUtf8, type MlsignError, refused } from '../core/index.ts';
import type { OpenFile } from './open-file.ts';

const WINDOW_BYTES = 256 * 1024;
/** The most of a header that is read through: vocabularies of a million entries are near 30 MiB. */
const MAX_HEADER_BYTES = 256 * 1024 * 1024;
/** The most text of a header that is kept in memory. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/** Reads a GGUF header from front to back through a small window, whatever its length. */
export class GgufCursor {
  readonly #file: OpenFile;
  readonly bigEndian: boolean;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  #at = 0;
  #kept = 0;

  constructor(file: OpenFile, bigEndian: boolean) {
    this.#file = file;
    this.bigEndian = bigEndian;
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.#windowStart + this.#at;
  }

  /** Bytes of the file that are still ahead. */
  get left(): number {
    return this.#file.size - this.offset;
  }

  async u8(): Promise<number> {
    return (await this.#take(1)).readUInt8();
  }

  async u32(): Promise<number> {
    const bytes = await this.#take(4);
    return this.bigEndian ? bytes.readUInt32BE() : bytes.readUInt32LE();
  }

  async u64(): Promise<bigint> {
    const bytes = await this.#take(8);
    return this.bigEndian ? bytes.readBigUInt64BE() : bytes.readBigUInt64LE();
  }

  /** A 64-bit count or length within `max`. */
  async count(what: string, max: number): Promise<number> {
    const count = await this.u64();
    if (count > max) throw this.malformed(`${what} is too large`, `at most ${max}`, String(count));
    return Number(count);
  }

  /** A fixed-size number, by its bytes. */
  async bytes(length: number): Promise<Buffer> {
    return this.#take(length);
  }

  /** A string with its length before it. */
  async text(what: string, maxBytes: number): Promise<string> {
    const length = await this.count(`the length of ${what}`, maxBytes);
    this.#kept += length;
    if (this.#kept > MAX_KEPT_BYTES) throw this.malformed('its header holds too much text', `at most ${MAX_KEPT_BYTES} bytes`, 'more');
    const text = decodeUtf8(await this.#take(length));
    if (text === undefined) throw this.malformed(`${what} is not valid UTF-8`, 'UTF-8 text');
    return text;
  }

  /** Goes past bytes without reading them. */
  skip(length: number): void {
    if (length > this.left) throw this.#truncated(length);
    const target = this.offset + length;
    if (target > MAX_HEADER_BYTES) throw this.malformed('its header is too long', `at most ${MAX_HEADER_BYTES} bytes`, 'more');
    if (target <= this.#windowStart + this.#window.length) {
      this.#at += length;
    } else {
      this.#window = Buffer.alloc(0);
      this.#windowStart = target;
      this.#at = 0;
    }
  }

  /** Goes past so many strings: the vocabulary of a tokenizer. */
  async skipStrings(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      // Awaits only where the window ends: vocabularies have a quarter of a million strings.
      if (this.#at + 8 > this.#window.length) await this.#fill(8);
      const low = this.bigEndian ? this.#window.readBigUInt64BE(this.#at) : this.#window.readBigUInt64LE(this.#at);
      this.#at += 8;
      if (low > this.left) throw this.#truncated(low);
      this.skip(Number(low));
    }
  }

  malformed(reason: string, expected?: string, got?: string): MlsignError {
    return refused('gguf-malformed', `the GGUF file is malformed: ${reason}`, { subject: this.#file.path, expected, got });
  }

  #truncated(length: number | bigint): MlsignError {
    return this.malformed('it ends within its header', `${length} more bytes at offset ${this.offset}`, `${this.left}`);
  }

  async #take(length: number): Promise<Buffer> {
    if (this.#at + length > this.#window.length) await this.#fill(length);
    this.#at += length;
    return this.#window.subarray(this.#at - length, this.#at);
  }

  async #fill(length: number): Promise<void> {
    const start = this.offset;
    if (start + length > MAX_HEADER_BYTES) throw this.malformed('its header is too long', `at most ${MAX_HEADER_BYTES} bytes`, 'more');
    const window = await this.#file.read(start, Math.max(WINDOW_BYTES, length));
    if (window.length < length) throw this.#truncated(length);
    this.#window = window;
    this.#windowStart = start;
    this.#at = 0;
  }
}
