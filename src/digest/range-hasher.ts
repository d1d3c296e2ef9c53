import type { HashType } from '../core/index.ts';
import { chooseEngine, createHasher, type Hasher } from './engine.ts';

/** Over which ranges of a file digests are: the whole, or one a shard. */
export interface Ranges {
  readonly algorithm: HashType;
  readonly shardSize?: number | undefined;
}

/** Digests of one range after another of bytes that come in pieces. */
export class RangeHasher {
  readonly #hasher: Hasher;
  readonly #shardSize: number;
  readonly #digests: string[] = [];
  /** Bytes that the present range still takes. */
  #left: number;
  readonly #isWhole: boolean;

  /** @param hasher in use by nothing else until the end */
  constructor(hasher: Hasher, shardSize: number | undefined) {
    this.#hasher = hasher;
    this.#isWhole = shardSize === undefined;
    this.#shardSize = shardSize ?? Number.POSITIVE_INFINITY;
    this.#left = this.#shardSize;
    hasher.begin();
  }

  /** @param bytes how many are to come, as far as known */
  static async of({ algorithm, shardSize }: Ranges, bytes: number): Promise<RangeHasher> {
    return new RangeHasher(await createHasher(await chooseEngine('auto', algorithm, bytes), algorithm), shardSize);
  }

  update(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#left === 0) this.#next();
      const end = Math.min(chunk.length, at + this.#left);
      this.#hasher.update(chunk.subarray(at, end));
      this.#left -= end - at;
      at = end;
    }
  }

  end(): readonly string[] {
    if (this.#isWhole || this.#left < this.#shardSize) this.#digests.push(this.#hasher.end());
    return this.#digests;
  }

  #next(): void {
    this.#digests.push(this.#hasher.end());
    this.#hasher.begin();
    this.#left = this.#shardSize;
  }
}
