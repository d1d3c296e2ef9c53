import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type CliOptions, type CliRun, mlsign } from './cli.ts';
import { S3Bench } from './s3.ts';
import type { S3ServerOptions } from './s3-server.ts';
import type { BucketOptions } from './s3-server-bucket.ts';
import { Sandbox } from './sandbox.ts';

/** A store that the command line works on, and what somebody else does to it. */
export interface StoreBed {
  /** A model's place in it. */
  url(name: string): string;
  /** What the command line needs to reach it. */
  readonly env: Readonly<Record<string, string>>;
  /** Writes a key as somebody does who knows nothing of mlsign; `isAlike`: with the time of what lay there, where that can be given. */
  overwrite(key: string, data: string | Uint8Array, options?: { readonly isAlike?: boolean }): void;
  /** Deletes a key as such a client does: its versions stay. */
  delete(key: string): void;
  /** Spoils the bytes of every version of a key, where they lie. */
  corrupt(key: string): Promise<void>;
  /** Keys that such a client sees, in order. */
  keys(): readonly string[];
  /** What such a client reads. */
  read(key: string): Promise<Buffer>;
  close(): Promise<void>;
}

/** Both stores: a suite runs over each. */
export const STORE_BEDS: Readonly<Record<string, () => Promise<StoreBed>>> = {
  'a directory': async () => localBed(),
  'a bucket': () => s3Bed(),
};

/** A store in a directory of its own. */
export function localBed(): StoreBed & { readonly root: string } {
  const sandbox = new Sandbox();
  const root = sandbox.path('store');
  // Other users may read it.
  chmodSync(sandbox.root, 0o755);
  const path = (key: string): string => join(root, ...key.split('/'));
  return {
    root,
    env: {},
    url: (name) => `file:${root}/${name}`,
    overwrite: (key, data, { isAlike = false } = {}) => {
      mkdirSync(dirname(path(key)), { recursive: true });
      const before = isAlike ? statSync(path(key)) : undefined;
      rmSync(path(key), { force: true });
      writeFileSync(path(key), data);
      if (before !== undefined) utimesSync(path(key), before.atime, before.mtime);
    },
    delete: (key) => rmSync(path(key)),
    corrupt: async (key) => {
      const folder = join(root, '.mlsign', 'versions', `${key}.v`);
      const files = [path(key), ...readdirSync(folder).map((name) => join(folder, name))];
      // The visible file and its version may be one.
      for (const file of new Map(files.map((name) => [statSync(name).ino, name])).values()) flipFirstByte(file);
    },
    keys: () =>
      readdirSync(root, { recursive: true, encoding: 'utf8' })
        .map((name) => name.replaceAll('\\', '/'))
        .filter((name) => !name.startsWith('.mlsign/') && statSync(join(root, name)).isFile())
        .sort(),
    read: async (key) => readFileSync(path(key)),
    close: async () => sandbox.remove(),
  };
}

/** Changes a file where it lies, unseen by whoever compares sizes and times. */
function flipFirstByte(path: string): void {
  const { atime, mtime, size } = statSync(path);
  if (size === 0) return;
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, 0);
  writeSync(file, Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, 0);
  closeSync(file);
  utimesSync(path, atime, mtime);
}

/** A bucket on a server of this process. */
export async function s3Bed(
  options: S3ServerOptions & BucketOptions = {},
): Promise<StoreBed & { readonly bench: S3Bench; readonly prefix: string }> {
  const bench = await S3Bench.start(options);
  const prefix = 'team/';
  return {
    bench,
    prefix,
    env: bench.environment(),
    url: (name) => bench.url(`${prefix}${name}`),
    overwrite: (key, data) => void bench.behind.overwrite(prefix + key, data),
    delete: (key) => void bench.behind.deleteMarker(prefix + key),
    corrupt: async (key) => {
      for (const { id } of bench.behind.history(prefix + key)) await bench.behind.corrupt(prefix + key, id);
    },
    keys: () => bench.behind.keys(prefix).map((key) => key.slice(prefix.length)),
    read: (key) => bench.behind.read(prefix + key),
    close: () => bench.stop(),
  };
}

/** Runs mlsign on a store and gives its document; the exit code must be the one expected. */
export async function runJson<T = Readonly<Record<string, never>>>(
  bed: StoreBed,
  code: number,
  args: readonly string[],
  options: CliOptions = {},
): Promise<T> {
  const run: CliRun = await mlsign([...args, '--json'], { ...options, env: { ...bed.env, ...options.env } });
  assert.equal(run.code, code, `${args.join(' ')}\n${run.stdout}\n${run.stderr}`);
  return JSON.parse(run.stdout);
}
