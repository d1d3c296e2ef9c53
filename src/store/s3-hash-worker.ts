import { parentPort } from 'node:worker_threads';
import { createHasher, type Hasher } from '../digest/index.ts';
import type { HashAnswer, HashOrder } from './s3-hashing.ts';

/** A digest, or one a shard, of bytes that come in pieces. */
class Stream {
  readonly #hasher: Hasher;
  readonly #shardSize: number;
  readonly #isWhole: boolean;
  readonly #digests: string[] = [];
  /** Bytes of the shard at hand. */
  #length = 0;

  constructor(hasher: Hasher, shardSize: number | undefined) {
    this.#hasher = hasher;
    this.#shardSize = shardSize ?? Number.POSITIVE_INFINITY;
    this.#isWhole = shardSize === undefined;
    hasher.begin();
  }

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + this.#shardSize - this.#length);
      this.#hasher.update(bytes.subarray(at, end));
      this.#length += end - at;
      at = end;
      if (this.#length === this.#shardSize) this.#endShard();
    }
  }

  end(): readonly string[] {
    if (this.#isWhole || this.#length > 0) this.#endShard();
    return this.#digests;
  }

  #endShard(): void {
    this.#digests.push(this.#hasher.end());
    this.#hasher.begin();
    this.#length = 0;
  }
}

const streams = new Map<number, Stream>();
const sha256 = await createHasher('native', 'sha256').catch(() => createHasher('wasm', 'sha256'));

async function carryOut(order: HashOrder): Promise<readonly string[]> {
  switch (order.kind) {
    case 'digest':
      return [sha256.digest(order.bytes)];
    case 'open':
      streams.set(order.stream, new Stream(await createHasher(order.engine, order.algorithm), order.shardSize));
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
