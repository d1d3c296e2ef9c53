import type { OnProgress } from '../core/index.ts';

const PROGRESS_MS = 100;

/** How much of an archive has been read, or packed. */
export class ArchiveProgress {
  readonly #total: number;
  readonly #onProgress: OnProgress | undefined;
  readonly #filesTotal: number | undefined;
  #done = 0;
  #last = performance.now();

  /**
   * @param total bytes
   * @param filesTotal where it is known
   */
  constructor(total: number, onProgress: OnProgress | undefined, filesTotal?: number) {
    this.#total = total;
    this.#onProgress = onProgress;
    this.#filesTotal = filesTotal;
  }

  add(bytes: number): void {
    this.#done += bytes;
  }

  async *count(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of chunks) {
      this.add(chunk.length);
      yield chunk;
    }
  }

  report(files: number, isEnd = false): void {
    const now = performance.now();
    if (this.#onProgress === undefined || (!isEnd && now - this.#last < PROGRESS_MS)) return;
    this.#last = now;
    this.#onProgress({ bytesDone: this.#done, bytesTotal: this.#total, filesDone: files, filesTotal: this.#filesTotal ?? files });
  }
}
