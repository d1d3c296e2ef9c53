import { Worker } from 'node:worker_threads';
import { type HashType, MlsignError } from '../core/index.ts';
import type { EngineName } from './engine.ts';
import type { SharedWork } from './work-list.ts';

/** What a worker is started with. */
export interface WorkerStart {
  readonly engine: EngineName;
  readonly algorithm: HashType;
  readonly control: SharedArrayBuffer;
  readonly thread: number;
}

/** A list that every thread helps to work off. */
export interface Task {
  readonly id: number;
  readonly list: SharedWork;
  readonly readAhead: boolean;
}

/** Worker threads, all at work on the same tasks. */
export class WorkerPool {
  readonly #onDone: (task: number) => void;
  readonly #onFailure: (error: MlsignError) => void;
  readonly #workers: Worker[] = [];
  readonly #open = new Map<number, Task>();
  #closing: Promise<unknown> | undefined;

  /**
   * @param onDone called with the id of a task whose last item a worker has done
   * @param onFailure called when a worker dies: what it had claimed will never be done
   */
  constructor(onDone: (task: number) => void, onFailure: (error: MlsignError) => void) {
    this.#onDone = onDone;
    this.#onFailure = onFailure;
  }

  get size(): number {
    return this.#workers.length;
  }

  /** Starts one more worker, and gives it every open task. */
  start(data: WorkerStart): void {
    const worker = new Worker(workerUrl(), { name: `mlsign-hash-${data.thread}`, workerData: data });
    worker.on('message', (id: number) => this.#onDone(id));
    worker.on('error', (cause) => this.#onFailure(workerFailure(cause)));
    worker.on('exit', () => {
      if (this.#closing === undefined) this.#onFailure(workerFailure());
    });
    for (const task of this.#open.values()) worker.postMessage(task);
    this.#workers.push(worker);
  }

  /** Opens a task, for the workers that are there and those that will come. */
  post(task: Task): void {
    this.#open.set(task.id, task);
    for (const worker of this.#workers) worker.postMessage(task);
  }

  /** Forgets a task that is done. */
  forget(task: number): void {
    this.#open.delete(task);
  }

  /** Ends the workers, wherever they are; done when they are gone. */
  async close(): Promise<void> {
    this.#closing ??= Promise.all(this.#workers.map((worker) => worker.terminate()));
    await this.#closing;
  }
}

/** Beside this module: as TypeScript in a checkout, as JavaScript in the package, where bundling leaves all modules in one folder. */
function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
}

function workerFailure(cause?: unknown): MlsignError {
  return new MlsignError('bug', 'worker-failed', 'a hashing thread died', {
    suggestions: ['try again; where memory is short, with --workers 1'],
    cause,
  });
}
