import { parentPort } from 'node:worker_threads';
import { RangeHasher } from '../digest/index.ts';
import type { HashAnswer, HashOrder } from './s3-hashing.ts';

const streams = new Map<number, RangeHasher>();

async function carryOut(order: HashOrder): Promise<readonly string[]> {
  switch (order.kind) {
    case 'digest': {
      const whole = await RangeHasher.of({ algorithm: 'sha256' }, order.bytes.length);
      whole.update(order.bytes);
      return whole.end();
    }
    case 'open':
      streams.set(order.stream, await RangeHasher.of(order.ranges, order.size));
      return [];
    case 'update':
      streams.get(order.stream)?.update(order.bytes);
      return [];
    case 'end': {
      const digests = streams.get(order.stream)?.end() ?? [];
      streams.delete(order.stream);
      return digests;
    }
  }
}

// One order after the other. A failure ends the worker, and whoever waits hears of it.
let work: Promise<void> = Promise.resolve();

parentPort?.on('message', (order: HashOrder) => {
  work = work.then(async () => {
    const answer: HashAnswer = { id: order.id, digests: await carryOut(order) };
    parentPort?.postMessage(answer);
  });
});
