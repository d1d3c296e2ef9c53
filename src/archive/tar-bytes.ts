/** Bytes of a tar archive, from the first to the last. */
export interface TarBytes {
  /** How many have been taken. */
  readonly position: number;
  /** The next bytes, at least one and at most so many; none at the end. They are good until the next are asked for. */
  take(most: number): Buffer | Promise<Buffer>;
  /** Passes over so many bytes, or as many as there are; gives their number. */
  skip(length: number): number | Promise<number>;
}

/** Exactly so many bytes, or as many as there are. */
export async function readBytes(bytes: TarBytes, length: number): Promise<Buffer> {
  const first = await bytes.take(length);
  if (first.length === length || first.length === 0) return first;
  const whole = Buffer.alloc(length);
  let done = first.copy(whole);
  while (done < length) {
    const next = await bytes.take(length - done);
    if (next.length === 0) return whole.subarray(0, done);
    done += next.copy(whole, done);
  }
  return whole;
}

/** Bytes that come as a stream. */
export class StreamBytes implements TarBytes {
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);
  #position = 0;

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  get position(): number {
    return this.#position;
  }

  take(most: number): Buffer | Promise<Buffer> {
    return this.#chunk.length > 0 || most === 0 ? this.#cut(most) : this.#fill().then(() => this.#cut(most));
  }

  async skip(length: number): Promise<number> {
    let done = 0;
    while (done < length) {
      const { length: taken } = await this.take(length - done);
      if (taken === 0) break;
      done += taken;
    }
    return done;
  }

  /** Lets go of where the bytes come from. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #cut(most: number): Buffer {
    const piece = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(piece.length);
    this.#position += piece.length;
    return piece;
  }

  async #fill(): Promise<void> {
    while (this.#chunk.length === 0) {
      const { value, done } = await this.#chunks.next();
      if (done === true) return;
      this.#chunk = value;
    }
  }
}
