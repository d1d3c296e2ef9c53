import {
  chooseEngine,
  countRanges,
  createHasher,
  type EngineName,
  type HashedFile,
  type Hasher,
  type HashOptions,
  MOST_RANGES,
  RangeHasher,
  tooManyShards,
} from '../digest/index.ts';
import type { ArchiveMember } from './read-members.ts';

/** Hashes members one after the other, as they come. */
export class MemberHasher {
  readonly engine: EngineName;
  readonly #hasher: Hasher;
  readonly #shardSize: number | undefined;
  #ranges = 0;

  private constructor(engine: EngineName, hasher: Hasher, shardSize: number | undefined) {
    this.engine = engine;
    this.#hasher = hasher;
    this.#shardSize = shardSize;
  }

  /** @param bytes how many are to come, as far as known */
  static async of({ engine: choice = 'auto', algorithm, shardSize }: HashOptions, bytes: number): Promise<MemberHasher> {
    const engine = await chooseEngine(choice, algorithm, bytes);
    return new MemberHasher(engine, await createHasher(engine, algorithm), shardSize);
  }

  /** @param onBytes told of every piece of the content */
  async hash(
    { name, size, content }: Pick<ArchiveMember, 'name' | 'size' | 'content'>,
    onBytes?: (piece: Buffer) => void,
  ): Promise<HashedFile> {
    this.#ranges += countRanges(size, this.#shardSize);
    const isHashed = this.#ranges <= MOST_RANGES;
    const hasher = new RangeHasher(this.#hasher, this.#shardSize);
    for await (const piece of content()) {
      if (isHashed) hasher.update(piece);
      onBytes?.(piece);
    }
    return isHashed ? { size, digests: hasher.end() } : { error: tooManyShards(name, size, this.#shardSize) };
  }
}
