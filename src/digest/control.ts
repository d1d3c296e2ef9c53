/** What all threads of one run share besides the work: the order to stop, and how far each thread is. */
export class Control {
  readonly buffer: SharedArrayBuffer;
  readonly #stopped: Int32Array;
  /** Per thread: bytes, files. Each thread writes its own alone, so that nothing is contended and nothing is allocated. */
  readonly #progress: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#stopped = new Int32Array(buffer, 0, 1);
    this.#progress = new Float64Array(buffer, 8);
  }

  /** @param threads how many threads will report progress */
  static for(threads: number): Control {
    return new Control(new SharedArrayBuffer(8 + threads * 16));
  }

  stop(): void {
    Atomics.store(this.#stopped, 0, 1);
  }

  get stopped(): boolean {
    return Atomics.load(this.#stopped, 0) === 1;
  }

  addBytes(thread: number, bytes: number): void {
    this.#progress[2 * thread] = (this.#progress[2 * thread] ?? 0) + bytes;
  }

  /** @param files a fraction, where a file is hashed in several ranges */
  addFiles(thread: number, files: number): void {
    this.#progress[2 * thread + 1] = (this.#progress[2 * thread + 1] ?? 0) + files;
  }

  /** What all threads together have done. */
  done(): { readonly bytes: number; readonly files: number } {
    let [bytes, files] = [0, 0];
    for (let at = 0; at < this.#progress.length; at += 2) {
      bytes += this.#progress[at] ?? 0;
      files += this.#progress[at + 1] ?? 0;
    }
    return { bytes, files: Math.floor(files + 1e-6) };
  }
}
