import { Worker } from 'node:worker_threads';
import { MlsignError } from '../core/index.ts';
import type { Ranges } from '../digest/index.ts';

/** What a hashing thread is told. Bytes lie in shared memory: they are not copied, and must stay until the answer. */
export type HashOrder = { readonly id: number } & (
  | { readonly kind: 'digest'; readonly bytes: Uint8Array }
  | { readonly kind: 'open'; readonly stream: number; readonly ranges: Ranges; readonly size: number }
  | { readonly kind: 'update'; readonly stream: number; readonly bytes: Uint8Array }
  | { readonly kind: 'end'; readonly stream: number }
);

/** What it answers, in the order of what it was told. */
export interface HashAnswer {
  readonly id: number;
  readonly digests: readonly string[];
}

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

/** A digest over bytes that come in their order. */
export interface HashStream {
  /** @returns when the bytes are not needed any more */
  update(bytes: Uint8Array): Promise<void>;
  /** @returns the digest, or one a shard, in lower-case hex */
  end(): Promise<readonly string[]>;
}

/** Threads that hash what lies in shared memory, beside the thread that moves it. They start when first needed. */
export class HashingThreads {
  readonly #threads: Thread[];
  #streams = 0;

  constructor(count: number) {
    this.#threads = Array.from({ length: count }, () => new Thread());
  }

  /** SHA-256, in lower-case hex. */
  async digest(bytes: Uint8Array): Promise<string> {
    const [digest = ''] = await this.#idlest().tell({ kind: 'digest', bytes });
    return digest;
  }

  /** @param size of what is to come, as far as known */
  async open({ algorithm, shardSize }: Ranges, size: number): Promise<HashStream> {
    const stream = this.#streams++;
    const thread = this.#idlest();
    thread.streams++;
    await thread.tell({ kind: 'open', stream, ranges: { algorithm, shardSize }, size });
    return {
      update: async (bytes) => void (await thread.tell({ kind: 'update', stream, bytes })),
      end: () => {
        thread.streams--;
        return thread.tell({ kind: 'end', stream });
      },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  #idlest(): Thread {
    return this.#threads.reduce((best, thread) => (thread.load < best.load ? thread : best));
  }
}

class Thread {
  /** Streams that are open on it. */
  streams = 0;
  readonly #waiting = new Map<number, PromiseWithResolvers<readonly string[]>>();
  #worker: Worker | undefined;
  #orders = 0;

  /** What it has to do. */
  get load(): number {
    return this.#waiting.size + this.streams;
  }

  tell(order: Unnumbered<HashOrder>): Promise<readonly string[]> {
    const id = this.#orders++;
    const answer = Promise.withResolvers<readonly string[]>();
    this.#waiting.set(id, answer);
    this.#start().postMessage({ ...order, id });
    return answer.promise;
  }

  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(workerUrl(), { name: 'mlsign-transfer' });
    worker.on('message', ({ id, digests }: HashAnswer) => {
      this.#waiting.get(id)?.resolve(digests);
      this.#waiting.delete(id);
    });
    worker.on('error', (cause) => this.#fail(cause));
    worker.on('exit', () => this.#fail());
    this.#worker = worker;
    return worker;
  }

  #fail(cause?: unknown): void {
    const error = new MlsignError('bug', 'worker-failed', 'a hashing thread died', { cause });
    for (const { promise, reject } of this.#waiting.values()) {
      promise.catch(() => undefined);
      reject(error);
    }
    this.#waiting.clear();
  }
}

/** Beside this module: as TypeScript in a checkout, as JavaScript in the package, where bundling leaves all modules in one folder. */
function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './s3-hash-worker.ts' : './s3-hash-worker.js', import.meta.url);
}
