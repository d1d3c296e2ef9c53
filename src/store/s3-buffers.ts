import { interrupted } from '../core/index.ts';

interface Waiting {
  readonly size: number;
  readonly resolve: (buffer: SharedBuffer) => void;
  readonly reject: (error: Error) => void;
}

/** Shared memory that is lent. */
export interface SharedBuffer {
  readonly bytes: Uint8Array;
  /** Gives it back: it must not be touched any more. */
  release(): void;
}

/** Shared memory with a limit: whoever asks for more waits, in the order of asking. Buffers are used again. */
export class BufferPool {
  readonly #limit: number;
  readonly #free: SharedArrayBuffer[] = [];
  readonly #waiting: Waiting[] = [];
  /** Bytes that exist, lent or not. */
  #held = 0;
  #lent = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Lends so many bytes; also more than the limit, where nothing else is lent.
   *
   * @throws MlsignError `interrupted`
   */
  async take(size: number, signal: AbortSignal): Promise<SharedBuffer> {
    if (signal.aborted) throw interrupted();
    const lent = Promise.withResolvers<SharedBuffer>();
    const waiting = { size, ...lent };
    const onAbort = () => {
      const at = this.#waiting.indexOf(waiting);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      lent.reject(interrupted());
      this.#serve();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#waiting.push(waiting);
    this.#serve();
    try {
      return await lent.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #serve(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined) return;
      const memory = this.#find(first.size);
      if (memory === undefined) return;
      this.#waiting.shift();
      this.#lent++;
      let isLent = true;
      const release = () => {
        if (!isLent) return;
        isLent = false;
        this.#lent--;
        this.#free.push(memory);
        this.#serve();
      };
      first.resolve({ bytes: new Uint8Array(memory, 0, first.size), release });
    }
  }

  #find(size: number): SharedArrayBuffer | undefined {
    const capacity = capacityFor(size);
    const fitting = this.#free.findIndex(({ byteLength }) => byteLength === capacity);
    if (fitting !== -1) return this.#free.splice(fitting, 1)[0];
    while (this.#held + capacity > this.#limit) {
      const dropped = this.#free.pop();
      if (dropped === undefined) break;
      this.#held -= dropped.byteLength;
    }
    if (this.#held + capacity > this.#limit && this.#lent > 0) return undefined;
    this.#held += capacity;
    return new SharedArrayBuffer(capacity);
  }
}

/** The next power of two, so that few sizes are kept. */
function capacityFor(size: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(size, 64 * 1024)));
}
