import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const KIB = 2 ** 10;

/** The models that are hashed, each a folder: one huge file, eight large ones, many small ones. */
export interface Trees {
  readonly one: string;
  /** The file in it. */
  readonly oneFile: string;
  readonly eight: string;
  readonly small: string;
  /** A single small file. */
  readonly tiny: string;
  /** Bytes a shard of the huge file: 32 shards. */
  readonly shardSize: number;
}

/** What a scale stands for: at 1 one file of 8 GiB, 8 × 1 GiB, 20,000 files of 16–200 KiB. */
export function sizesOf(scale: number) {
  const one = Math.max(MIB, Math.round(8 * GIB * scale));
  return {
    one,
    large: Math.max(MIB, Math.round(GIB * scale)),
    files: Math.max(20, Math.round(20_000 * scale)),
    shardSize: Math.ceil(one / 32),
  };
}

/** Makes the trees in a folder, or finds those of an earlier run. */
export function makeTrees(folder: string, scale: number): Trees {
  const home = join(folder, `trees-${scale}`);
  const { one, large, files, shardSize } = sizesOf(scale);
  const trees: Trees = {
    one: join(home, 'one'),
    oneFile: join(home, 'one', 'model.safetensors'),
    eight: join(home, 'eight'),
    small: join(home, 'small'),
    tiny: join(home, 'tiny.json'),
    shardSize,
  };
  if (existsSync(join(home, 'complete'))) return trees;
  rmSync(home, { recursive: true, force: true });
  for (const path of [trees.one, trees.eight, trees.small]) mkdirSync(path, { recursive: true });
  const writer = new Writer();
  writer.write(trees.oneFile, one);
  for (let i = 0; i < 8; i++) writer.write(join(trees.eight, `model-${i}.safetensors`), large);
  for (let i = 0; i < files; i++) {
    const directory = join(trees.small, `part-${i % 20}`);
    if (i < 20) mkdirSync(directory);
    // The golden ratio spreads sizes evenly, the same in every run.
    writer.write(
      join(directory, `file-${String(i).padStart(5, '0')}.bin`),
      16 * KIB + Math.floor(184 * KIB * ((i * 0.618033988749895) % 1)),
    );
  }
  writeFileSync(trees.tiny, '{"hidden_size": 768}\n');
  writeFileSync(join(home, 'complete'), '');
  return trees;
}

/** Writes bytes that do not repeat, as fast as the disk takes them. */
class Writer {
  readonly #block = randomBytes(MIB);
  #blocks = 0;

  write(path: string, size: number): void {
    const file = openSync(path, 'w');
    try {
      for (let left = size; left > 0; left -= this.#block.length) {
        this.#block.writeDoubleLE(this.#blocks++, 0);
        writeSync(file, this.#block, 0, Math.min(left, this.#block.length));
      }
    } finally {
      closeSync(file);
    }
  }
}
