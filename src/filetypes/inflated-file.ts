import { pipeline } from 'node:stream';
import { createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { refused } from '../core/index.ts';
import type { InspectionNotes } from './inspection-notes.ts';
import type { OpenFile } from './open-file.ts';
import { readable } from './readable-range.ts';

/** How bytes are compressed: as a ZIP member, with zlib's header, with gzip's. */
export type Deflation = 'raw' | 'zlib' | 'gzip';

const CHUNK_BYTES = 64 * 1024;

/**
 * The bytes of a compressed part as a file: unpacked as far as they are read, and again from the start where a reader goes
 * back; never more in memory than is asked for. What it unpacks counts towards the limit of the inspection.
 */
export class InflatedFile implements OpenFile {
  readonly path: string;
  readonly size: number;
  readonly #packed: OpenFile;
  readonly #deflation: Deflation;
  readonly #notes: InspectionNotes;
  #stream: ReturnType<typeof makeInflate> | undefined;
  #chunks: AsyncIterator<Buffer> | undefined;
  #turn: Promise<void> = Promise.resolve();
  #chunk: Buffer = Buffer.alloc(0);
  /** Offset of the chunk's first byte. */
  #at = 0;
  #unread = 0;

  constructor(packed: OpenFile, size: number, deflation: Deflation, notes: InspectionNotes) {
    this.path = packed.path;
    this.size = size;
    this.#packed = packed;
    this.#deflation = deflation;
    this.#notes = notes;
  }

  /** How many bytes follow the end of what is compressed; known once that was read. */
  get unread(): number {
    return this.#unread;
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const buffer = Buffer.alloc(Math.max(0, Math.min(length, this.size - offset)));
    return buffer.subarray(0, await this.readInto(buffer, offset));
  }

  /** One at a time: there is one stream. */
  readInto(buffer: Buffer, offset: number): Promise<number> {
    const reading = this.#turn.then(() => this.#readInto(buffer, offset));
    this.#turn = reading.then(
      () => undefined,
      () => undefined,
    );
    return reading;
  }

  async #readInto(buffer: Buffer, offset: number): Promise<number> {
    if (offset < this.#at) this.close();
    let done = 0;
    while (done < buffer.length) {
      const from = offset + done - this.#at;
      if (from < this.#chunk.length) done += this.#chunk.copy(buffer, done, from);
      else if (!(await this.#next())) break;
    }
    return done;
  }

  close(): void {
    this.#stream?.destroy();
    this.#stream = undefined;
    this.#chunks = undefined;
    this.#chunk = Buffer.alloc(0);
    this.#at = 0;
  }

  async #next(): Promise<boolean> {
    this.#chunks ??= this.#open();
    try {
      const { value, done } = await this.#chunks.next();
      if (done === true) {
        this.#unread = Math.max(0, this.#packed.size - (this.#stream?.bytesWritten ?? 0));
        return false;
      }
      this.#notes.spend('inflatedBytes', value.length);
      this.#at += this.#chunk.length;
      this.#chunk = value;
      return true;
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || !String(error.code).startsWith('Z_')) throw error;
      throw refused('deflate-malformed', 'the compressed bytes are malformed', { subject: this.path, cause: error });
    }
  }

  #open(): AsyncIterator<Buffer> {
    const inflate = makeInflate(this.#deflation);
    this.#stream = inflate;
    // The errors of both come out of the iterator.
    pipeline(readable(this.#packed, CHUNK_BYTES), inflate, () => undefined);
    return inflate[Symbol.asyncIterator]();
  }
}

function makeInflate(deflation: Deflation) {
  const options = { chunkSize: CHUNK_BYTES };
  switch (deflation) {
    case 'raw':
      return createInflateRaw(options);
    case 'zlib':
      return createInflate(options);
    case 'gzip':
      return createGunzip(options);
  }
}
