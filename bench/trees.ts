import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
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

/** The folders that {@link makeTree} fills. */
export type TreeName = 'one' | 'eight' | 'small';

/** In the order of measuring: each is in the page cache alone. */
export const TREE_NAMES: readonly TreeName[] = ['small', 'eight', 'one'];

/** Where the trees of a scale are, made or not; the single small file is there. */
export function treesIn(folder: string, scale: number): Trees {
  const home = join(folder, `trees-${scale}`);
  mkdirSync(home, { recursive: true });
  const tiny = join(home, 'tiny.json');
  writeFileSync(tiny, '{"hidden_size": 768}\n');
  return {
    one: join(home, 'one'),
    oneFile: join(home, 'one', 'model.safetensors'),
    eight: join(home, 'eight'),
    small: join(home, 'small'),
    tiny,
    shardSize: sizesOf(scale).shardSize,
  };
}

/** Makes a tree, or finds that of an earlier run. */
export function makeTree(trees: Trees, name: TreeName, scale: number): void {
  const complete = `${trees[name]}.complete`;
  if (existsSync(complete)) return;
  removeTree(trees, name);
  mkdirSync(trees[name]);
  const { one, large, files } = sizesOf(scale);
  const writer = new Writer();
  if (name === 'one') writer.write(trees.oneFile, one);
  if (name === 'eight') for (let i = 0; i < 8; i++) writer.write(join(trees.eight, `model-${i}.safetensors`), large);
  if (name === 'small') writeSmall(writer, trees.small, files);
  writeFileSync(complete, '');
}

/** Removes a tree, and with it what the page cache holds of it. */
export function removeTree(trees: Trees, name: TreeName): void {
  rmSync(`${trees[name]}.complete`, { force: true });
  rmSync(trees[name], { recursive: true, force: true });
}

/** Reads a tree until the page cache holds it: twice, for what is read once is soon dropped. Gives the GiB a second of the last time. */
export function warm(tree: string): number {
  readTree(tree);
  const start = performance.now();
  const bytes = readTree(tree);
  return bytes / GIB / ((performance.now() - start) / 1000);
}

function readTree(tree: string): number {
  const buffer = Buffer.allocUnsafe(MIB);
  let bytes = 0;
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = openSync(join(entry.parentPath, entry.name), 'r');
    for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) bytes += length;
    closeSync(file);
  }
  return bytes;
}

function writeSmall(writer: Writer, folder: string, files: number): void {
  for (let i = 0; i < files; i++) {
    const directory = join(folder, `part-${i % 20}`);
    if (i < 20) mkdirSync(directory);
    // The golden ratio spreads sizes evenly, the same in every run.
    const size = 16 * KIB + Math.floor(184 * KIB * ((i * 0.618033988749895) % 1));
    writer.write(join(directory, `file-${String(i).padStart(5, '0')}.bin`), size);
  }
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
