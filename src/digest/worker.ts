import { parentPort, workerData } from 'node:worker_threads';
import { Control } from './control.ts';
import { createHasher } from './engine.ts';
import { HashingThread } from './hashing-thread.ts';
import { WorkList } from './work-list.ts';
import type { Task, WorkerStart } from './worker-pool.ts';

const { engine, algorithm, control, thread }: WorkerStart = workerData;

async function start(): Promise<HashingThread> {
  return new HashingThread({ hasher: await createHasher(engine, algorithm), control: new Control(control), thread });
}

// Tasks are done one after the other: there is one buffer. A failure ends the worker, and the pool hears of it.
let work = start();

parentPort?.on('message', ({ id, list, readAhead }: Task) => {
  work = work.then(async (hashing) => {
    if (await hashing.workOff(new WorkList(list), readAhead)) parentPort?.postMessage(id);
    return hashing;
  });
});
