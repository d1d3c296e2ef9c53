import { open, unlink } from 'node:fs/promises';
import { fileError, interrupted, type MlsignError } from '../core/index.ts';
import { type FileIdentity, type HashedFile, hashFiles } from '../digest/index.ts';
import { inParallel } from './in-parallel.ts';
import { copyHashed, notAFile } from './local-copy.ts';
import { lstatOf } from './local-files.ts';
import type { ObjectFetch, TransferOptions } from './store.ts';
import { type TransferProgress, withProgress } from './transfer-progress.ts';

const COPIES_AT_ONCE = 2;
const LOOKUPS_AT_ONCE = 16;

/** A file that holds a version's bytes. */
export interface VersionFile {
  readonly path: string;
  readonly identity: FileIdentity;
}

/** Finds the file of a version. */
export type Locate = (fetch: ObjectFetch) => Promise<VersionFile>;

/** Reads versions whole: those without a path together, by threads; the others as they are copied. */
export async function fetchAll(
  objects: readonly ObjectFetch[],
  locate: Locate,
  url: string,
  options: TransferOptions,
): Promise<readonly HashedFile[]> {
  const sizes = objects.map(({ object }) => object.size);
  return await withProgress(sizes, options.onProgress, async (progress) => {
    const results = new Map<ObjectFetch, HashedFile>();
    const files = await inParallel(objects, LOOKUPS_AT_ONCE, options.signal, async (fetch) => {
      const file = await orError(`${url}/${fetch.object.key}`, () => locate(fetch));
      if ('error' in file) results.set(fetch, file);
      return file;
    });
    const found = objects.flatMap((fetch, index) => {
      const file = files[index];
      return file === undefined || 'error' in file ? [] : [{ fetch, file }];
    });
    for (const group of alike(found.filter(({ fetch }) => fetch.path === undefined))) await hashGroup(group, results, progress, options);
    const copies = found.filter(({ fetch }) => fetch.path !== undefined);
    await inParallel(copies, COPIES_AT_ONCE, options.signal, async ({ fetch, file }, signal) => {
      results.set(fetch, await orError(fetch.path ?? '', () => copyTo(fetch, file, progress, signal)));
      progress.filesDone++;
    });
    return objects.map((fetch) => results.get(fetch) ?? { error: interrupted() });
  });
}

interface Found {
  readonly fetch: ObjectFetch;
  readonly file: VersionFile;
}

/** Groups by the way of hashing. */
function alike(found: readonly Found[]): Iterable<readonly Found[]> {
  return Map.groupBy(found, ({ fetch }) => `${fetch.algorithm} ${fetch.shardSize}`).values();
}

async function hashGroup(
  group: readonly Found[],
  results: Map<ObjectFetch, HashedFile>,
  progress: TransferProgress,
  { signal }: TransferOptions,
): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  const { algorithm, shardSize } = first.fetch;
  const { bytesDone, filesDone } = progress;
  const { files } = await hashFiles(
    group.map(({ file }) => file),
    {
      algorithm,
      shardSize,
      signal,
      onProgress: (done) => {
        progress.bytesDone = bytesDone + done.bytesDone;
        progress.filesDone = filesDone + done.filesDone;
      },
    },
  );
  for (const [index, { fetch }] of group.entries()) results.set(fetch, files[index] ?? { error: interrupted() });
}

/** What lies at the path is made anew: within one machine that costs no more than to find out what of it is right. */
async function copyTo(fetch: ObjectFetch, file: VersionFile, progress: TransferProgress, signal: AbortSignal): Promise<HashedFile> {
  const { path = '', algorithm, shardSize } = fetch;
  const there = lstatOf(path);
  if (there !== undefined && !there.isFile()) throw notAFile(path);
  if (there !== undefined) await unlink(path);
  const { size, digests } = await copyHashed(file.path, path, {
    ranges: [{ algorithm, shardSize }],
    onBytes: (bytes) => {
      progress.bytesDone += bytes;
    },
    signal,
  });
  await syncFile(path);
  return { size, digests: digests[0] ?? [] };
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** One object's failure is its result; an interruption ends all. */
async function orError<T>(subject: string, work: () => Promise<T>): Promise<T | { readonly error: MlsignError }> {
  try {
    return await work();
  } catch (error) {
    const known = fileError(error, 'fetch the object', subject);
    if (known.code === 'interrupted') throw known;
    return { error: known };
  }
}
