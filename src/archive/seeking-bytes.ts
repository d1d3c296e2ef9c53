import { unavailable } from '../core/index.ts';
import { StreamBytes } from './tar-bytes.ts';

/**
 * Reads a compressed stream at any place: forward as it unpacks, and again from the start where a reader goes back. How much
 * is unpacked that way is limited; one reader at a time.
 */
export class SeekingBytes {
  readonly #open: () => AsyncIterable<Buffer>;
  readonly #where: string;
  #left: number;
  #bytes: StreamBytes | undefined;
  #borrowers = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param most bytes that are unpacked in all
   * @param where names the archive in errors
   */
  constructor(open: () => AsyncIterable<Buffer>, most: number, where: string) {
    this.#open = open;
    this.#left = most;
    this.#where = where;
  }

  /** Fills as much of a buffer as there is from a place on; gives the number of bytes. */
  readInto(buffer: Buffer, place: number): Promise<number> {
    const turn = this.#turn.then(() => this.#read(buffer, place));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Keeps what is open open until it is given back. */
  borrow(): () => Promise<void> {
    this.#borrowers++;
    return async () => {
      if (--this.#borrowers > 0) return;
      await this.#turn;
      if (this.#borrowers > 0) return;
      const bytes = this.#bytes;
      this.#bytes = undefined;
      await bytes?.close();
    };
  }

  async #read(buffer: Buffer, place: number): Promise<number> {
    if (this.#bytes !== undefined && place < this.#bytes.position) {
      await this.#bytes.close();
      this.#bytes = undefined;
    }
    this.#bytes ??= new StreamBytes(this.#open());
    const bytes = this.#bytes;
    this.#left -= place + buffer.length - bytes.position;
    if (this.#left < 0) throw this.#exhausted();
    await bytes.skip(place - bytes.position);
    let done = 0;
    while (done < buffer.length) {
      const piece = await bytes.take(buffer.length - done);
      if (piece.length === 0) break;
      done += piece.copy(buffer, done);
    }
    return done;
  }

  #exhausted() {
    return unavailable('archive-not-seekable', 'to look at what lies in it, the archive would have to be unpacked over and over', {
      subject: this.#where,
      suggestions: ['unpack the archive, and verify the directory', 'use an archive that is not compressed'],
    });
  }
}
