import type { PackedFile } from '../model/index.ts';
import type { SeekingBytes } from './seeking-bytes.ts';

/** A file in a compressed archive, to be read at any place; what was kept of its beginning costs nothing. */
export class PackedReader implements PackedFile {
  readonly size: number;
  readonly #bytes: SeekingBytes;
  readonly #offset: number;
  readonly #head: Buffer;
  readonly #verify: () => Promise<void>;

  /** @param verify throws where the archive is not the one any more that was hashed */
  constructor(
    bytes: SeekingBytes,
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
