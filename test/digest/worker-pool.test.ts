import assert from 'node:assert/strict';
import { lstatSync, truncateSync, writeFileSync } from 'node:fs';
import type { Worker } from 'node:worker_threads';
import type { MlsignError } from '../../src/core/index.ts';
import { Control } from '../../src/digest/control.ts';
import { createHasher } from '../../src/digest/engine.ts';
import { HashingThread } from '../../src/digest/hashing-thread.ts';
import { hashFiles, identityOf } from '../../src/digest/index.ts';
import { HASHED, WorkList } from '../../src/digest/work-list.ts';
import { WorkerPool } from '../../src/digest/worker-pool.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const sandbox = new Sandbox();
const GIBIBYTE = 2 ** 30;

/** A file of zeros that takes no room. */
function zeros(name: string, size: number): string {
  const path = sandbox.path(name);
  writeFileSync(path, '');
  truncateSync(path, size);
  return path;
}

function listOf(path: string, start: number, end: number): WorkList {
  return WorkList.of(
    [{ path, start, end, size: end - start, identity: identityOf(lstatSync(path)), followLink: false, glance: false }],
    32,
  );
}

/** A pool, and what it reports first. */
function pool() {
  const { promise, resolve } = Promise.withResolvers<{ done: number } | { failure: MlsignError }>();
  return {
    first: promise,
    workers: new WorkerPool(
      (done) => resolve({ done }),
      (failure) => resolve({ failure }),
    ),
  };
}

after(() => sandbox.remove());

describe('the pool of workers', () => {
  const control = Control.for(4);
  const start = { engine: 'native', algorithm: 'sha256', control: control.buffer, thread: 1 } as const;

  it('gives tasks to workers that are there, and to those that come later', async () => {
    for (const late of [false, true]) {
      const { workers, first } = pool();
      const list = listOf(zeros('a', 5), 0, 5);
      try {
        if (!late) workers.start(start);
        workers.post({ id: 7, list: list.shared, readAhead: false });
        if (late) workers.start(start);
        assert.deepEqual(await first, { done: 7 });
        assert.equal(list.status(0), HASHED);
      } finally {
        await workers.close();
      }
    }
  });

  it('reports a worker that cannot start, with the reason', async () => {
    const { workers, first } = pool();
    try {
      workers.start({ ...start, algorithm: 'blake3' });
      const outcome = await first;
      assert.ok('failure' in outcome);
      assert.equal(outcome.failure.code, 'worker-failed');
      assert.equal(outcome.failure.message, 'a hashing thread died');
      assert.ok(outcome.failure.cause instanceof Error);
    } finally {
      await workers.close();
    }
  });

  it('reports a worker that dies at work', async () => {
    const { workers, first } = pool();
    try {
      workers.start(start);
      // A list that is shorter than it says.
      workers.post({ id: 1, list: { buffer: new SharedArrayBuffer(8), count: 1000, digestBytes: 32 }, readAhead: false });
      const outcome = await first;
      assert.ok('failure' in outcome);
      assert.equal(outcome.failure.code, 'worker-failed');
    } finally {
      await workers.close();
    }
  });

  it('reports nothing when it is closed', async () => {
    const { workers, first } = pool();
    workers.start(start);
    await workers.close();
    assert.equal(await Promise.race([first, Promise.resolve('nothing')]), 'nothing');
  });
});

describe('a run whose worker dies', () => {
  it('fails instead of waiting for ever', async () => {
    const path = zeros('long', 100 * GIBIBYTE);
    // Every worker of this process that starts is noticed here: the real one is killed, as a lack of memory would.
    const killed = new Promise<void>((resolve) => {
      process.once('worker', (worker: Worker) => {
        worker.once('online', () => {
          void worker.terminate().then(() => resolve());
        });
      });
    });
    const files = [{ path, identity: identityOf(lstatSync(path)) }];
    await assert.rejects(hashFiles(files, { algorithm: 'sha256', workers: 1 }), {
      name: 'MlsignError',
      outcome: 'bug',
      code: 'worker-failed',
      message: 'a hashing thread died',
    });
    await killed;
  });
});

describe('a hashing thread', () => {
  it('reads beyond 4 GiB', async () => {
    const path = zeros('beyond', 5 * GIBIBYTE + 3);
    const thread = new HashingThread({ hasher: await createHasher('native', 'sha256'), control: Control.for(1), thread: 0 });
    const digests: string[] = [];
    for (const [from, to] of [
      [5 * GIBIBYTE, 5 * GIBIBYTE + 3],
      [5 * GIBIBYTE - 2 * 2 ** 20, 5 * GIBIBYTE + 1],
    ] as const) {
      const list = listOf(path, from, to);
      assert.equal(await thread.workOff(list, false), true);
      assert.equal(list.status(0), HASHED);
      digests.push(list.digest(0));
    }
    const hasher = await createHasher('wasm', 'sha256');
    assert.deepEqual(
      digests,
      [3, 2 * 2 ** 20 + 1].map((length) => hasher.digest(new Uint8Array(length))),
    );
  });

  it('does nothing once the run is stopped', async () => {
    const control = Control.for(1);
    control.stop();
    const list = listOf(zeros('never', 10), 0, 10);
    const thread = new HashingThread({ hasher: await createHasher('native', 'sha256'), control, thread: 0 });
    assert.equal(await thread.workOff(list, false), false);
    assert.equal(list.status(0), 0);
  });
});
