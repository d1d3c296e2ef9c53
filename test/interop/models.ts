import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A stream of bytes that a seed determines (xorshift32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** An integer from 0 to `below` - 1. */
  next(below: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % below;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) bytes[i] = this.next(256);
    return bytes;
  }
}

/** Files by path in the model, `/` between parts. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** A symbolic link: where it stands in the model, and what it points to. */
export interface Link {
  readonly path: string;
  readonly target: string;
}

/** Writes files and links under a folder, which is made. */
export async function writeModel(folder: string, files: Files, links: readonly Link[] = []): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  for (const { path, target } of links) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await symlink(target, join(folder, path));
  }
}

/** A small model with every kind of name and size that all platforms can hold. */
export function treeModel(seed = 1): Files {
  const random = new Random(seed);
  const sizes: readonly (readonly [path: string, size: number])[] = [
    ['weights.bin', 2500],
    ['exactly-one-shard.bin', 1000],
    ['exactly-two-shards.bin', 2000],
    ['one-byte.bin', 1],
    ['empty.bin', 0],
    ['empty/in/folder.bin', 0],
    ['.hidden', 20],
    ['.folder/state.json', 30],
    ['sub/.gitignore', 10],
    ['deep/1/2/3/4/5/6/7/8/9/leaf.bin', 40],
    ['names/with space and  two.txt', 11],
    ["names/it's.txt", 12],
    ['names/ünï-cödé.txt', 13],
    ['names/模型/重み.bin', 14],
    // UTF-16 order puts the second before the first, code point order after it.
    ['names/\uff21.txt', 15],
    ['names/🤗.json', 16],
    // By path parts `d` comes first; by code point `d-x/f`, `d.txt`, `d/f`.
    ['d/f', 17],
    ['d-x/f', 18],
    ['d.txt', 19],
  ];
  const files = new Map<string, Uint8Array>([['config.json', Buffer.from('{"architectures":["TestOnly"]}\n')]]);
  for (const [path, size] of sizes) files.set(path, random.bytes(size));
  return files;
}

/** What git leaves in a clone, which OMS leaves out at the root of a model (§6.2), and only there. */
export function gitFiles(): Files {
  const names = ['.git/HEAD', '.git/objects/aa/bb', '.gitignore', '.gitattributes', '.github/workflows/ci.yml'];
  return new Map(names.map((name) => [name, Buffer.from(name)]));
}

/** Names that Windows cannot hold; everything else can. */
export function awkwardModel(seed = 2): Files {
  const random = new Random(seed);
  const names = [
    'a:b',
    'a:0:10',
    'w:1:2:3',
    'quote"d',
    'star*',
    'question?',
    '[bracket]',
    'less<more>',
    'pipe|',
    ' leading',
    'trailing ',
    'dot.',
    '-dash',
    '~tilde',
    '%41',
    '&amp;',
  ];
  const files = new Map<string, Uint8Array>();
  for (const name of names) files.set(name, random.bytes(50)).set(`in/${name}/${name}`, random.bytes(10));
  return files;
}

/** Many small files, in folders of a hundred. */
export function manyFiles(count: number, seed = 3): Files {
  const random = new Random(seed);
  const files = new Map<string, Uint8Array>();
  for (let i = 0; i < count; i++) files.set(`shard-${Math.floor(i / 100)}/part-${i}.bin`, random.bytes(random.next(60)));
  return files;
}

/** A few files that make several shards each of 64 KiB, with sizes around the edges. */
export function largeFiles(seed = 4): Files {
  const random = new Random(seed);
  const shard = 65_536;
  const block = random.bytes(shard + 7);
  const files = new Map<string, Uint8Array>();
  for (const size of [shard - 1, shard, shard + 1, 3 * shard, 10 * shard + 123]) {
    const bytes = Buffer.alloc(size);
    for (let at = 0; at < size; at += block.length) block.copy(bytes, at);
    files.set(`layer-${size}.safetensors`, bytes);
  }
  return files;
}

/** A tree of random depth, names and sizes. */
export function randomModel(seed: number): Files {
  const random = new Random(seed);
  const alphabet = ['a', 'b', 'Z', '0', '.', '-', '_', ' x', 'é', 'ß', 'я', '語', '\u{1f600}', '\uffee'];
  const name = () => `n${Array.from({ length: 1 + random.next(6) }, () => alphabet[random.next(alphabet.length)]).join('')}n`;
  const files = new Map<string, Uint8Array>();
  const folders = [''];
  for (let i = 0; i < 60; i++) {
    const folder = folders[random.next(folders.length)] ?? '';
    if (random.next(3) === 0) folders.push(`${folder}${name()}-${i}/`);
    files.set(`${folder}${name()}-${i}.bin`, random.bytes(random.next(4) === 0 ? 0 : random.next(3000)));
  }
  return files;
}
