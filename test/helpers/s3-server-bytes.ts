import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

const IN_MEMORY = 1024 * 1024;
const CHUNK = 256 * 1024;
const ZEROS = Buffer.alloc(CHUNK);

interface Segment {
  /** The path of a file, or the bytes themselves. */
  readonly source: string | Buffer;
  readonly at: number;
  readonly length: number;
}

/** Bytes that the server holds, on disk where they are many. They never change; copies and completed uploads share them. */
export class Bytes {
  readonly size: number;
  readonly #segments: readonly Segment[];

  constructor(segments: readonly Segment[]) {
    this.#segments = segments;
    this.size = segments.reduce((sum, { length }) => sum + length, 0);
  }

  static of(data: Uint8Array): Bytes {
    return new Bytes([{ source: Buffer.from(data), at: 0, length: data.length }]);
  }

  static concat(all: readonly Bytes[]): Bytes {
    return new Bytes(all.flatMap((bytes) => bytes.#segments));
  }

  /** The bytes from `start` up to `end`, which is not among them. */
  slice(start: number, end: number): Bytes {
    const segments: Segment[] = [];
    let from = 0;
    for (const { source, at, length } of this.#segments) {
      const first = Math.max(start - from, 0);
      const last = Math.min(end - from, length);
      if (first < last) segments.push({ source, at: at + first, length: last - first });
      from += length;
    }
    return new Bytes(segments);
  }

  async *read(): AsyncGenerator<Buffer> {
    for (const { source, at, length } of this.#segments) {
      if (typeof source !== 'string') {
        yield source.subarray(at, at + length);
        continue;
      }
      const file = await open(source);
      try {
        for (let done = 0; done < length; ) {
          const chunk = Buffer.allocUnsafe(Math.min(CHUNK, length - done));
          const { bytesRead } = await file.read(chunk, 0, chunk.length, at + done);
          if (bytesRead === 0) throw new Error('the server has lost bytes');
          yield chunk.subarray(0, bytesRead);
          done += bytesRead;
        }
      } finally {
        await file.close();
      }
    }
  }

  async buffer(): Promise<Buffer> {
    return buffer(this.read());
  }
}

/** Takes bytes from the network. */
export class ByteStore {
  readonly #directory: string;
  #files = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async receive(chunks: AsyncIterable<Uint8Array>): Promise<Bytes> {
    const held: Uint8Array[] = [];
    let size = 0;
    let file: FileHandle | undefined;
    const path = join(this.#directory, String(this.#files++));
    try {
      for await (const chunk of chunks) {
        if (file === undefined && size + chunk.length > IN_MEMORY) {
          file = await open(path, 'wx');
          await file.write(Buffer.concat(held), 0, size, 0);
        }
        if (file === undefined) held.push(Uint8Array.from(chunk));
        else if (!isZero(chunk)) await file.write(chunk, 0, chunk.length, size);
        size += chunk.length;
      }
      // Zeros are left out, so that models of zeros take no space.
      await file?.truncate(size);
    } finally {
      await file?.close();
    }
    return file === undefined ? Bytes.of(Buffer.concat(held)) : new Bytes([{ source: path, at: 0, length: size }]);
  }
}

function isZero(chunk: Uint8Array): boolean {
  return chunk.length <= ZEROS.length && Buffer.compare(chunk, ZEROS.subarray(0, chunk.length)) === 0;
}
