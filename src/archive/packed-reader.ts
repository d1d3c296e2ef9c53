import type { PackedFile } from '../model/index.ts';

/** Bytes of a tar stream at any place. */
export interface PlacedBytes {
  /** Fills as much of a buffer as there is from a place on; gives the number of bytes. */
  readInto(buffer: Buffer, place: number): Promise<number>;
  /** Keeps what is open open until it is given back. */
  borrow(): () => Promise<void>;
}

/** A file in an archive that came as a stream, to be read at any place; what was kept of its beginning costs nothing. */
export class PackedReader implements PackedFile {
  readonly size: number;
  readonly #bytes: PlacedBytes;
  readonly #offset: number;
  readonly #head: Buffer;
  readonly #verify: () => Promise<void>;

  /** @param verify throws where the archive is not the one any more that was hashed */
  constructor(
    bytes: PlacedBytes,
    { offset, size, head }: { readonly offset: number; readonly size: number; readonly head: Buffer },
    verify: () => Promise<void>,
  ) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.size = size;
    this.#head = head;
    this.#verify = verify;
  }

  async lend<T>(use: (readInto: (buffer: Buffer, offset: number) => Promise<number>) => Promise<T>): Promise<T> {
    const release = this.#bytes.borrow();
    try {
      const result = await use((buffer, offset) => this.#readInto(buffer, offset));
      await this.#verify();
      return result;
    } finally {
      await release();
    }
  }

  async #readInto(buffer: Buffer, offset: number): Promise<number> {
    const length = Math.max(0, Math.min(buffer.length, this.size - offset));
    if (length === 0) return 0;
    if (offset + length <= this.#head.length) return this.#head.copy(buffer, 0, offset, offset + length);
    return await this.#bytes.readInto(buffer.subarray(0, length), this.#offset + offset);
  }
}
