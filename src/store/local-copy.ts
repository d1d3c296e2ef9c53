import { constants } from 'node:fs';
import { chmod, copyFile, type FileHandle, open, stat, unlink } from 'node:fs/promises';
import { refused, throwIfAborted } from '../core/index.ts';
import { type FileIdentity, identityOf, RangeHasher, type Ranges } from '../digest/index.ts';

const BUFFER_BYTES = 2 ** 20;

/** How a file is read. */
export interface ReadOptions {
  /** Several digests of the same bytes, each range by range. */
  readonly ranges: readonly Ranges[];
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was read. */
export interface HashedBytes {
  readonly size: number;
  /** For each of the ranges asked for, in their order; zero bytes have one digest as a whole, and none in shards. */
  readonly digests: readonly (readonly string[])[];
  /** The file's own before it was read, and after. */
  readonly before: FileIdentity;
  readonly after: FileIdentity;
}

/**
 * Copies a file to a new path, reading it once; a clone, which shares the bytes, where the file system has such.
 *
 * @throws MlsignError `not-a-file`; the system's own errors
 */
export async function copyHashed(from: string, to: string, options: ReadOptions): Promise<HashedBytes> {
  const stats = await stat(from);
  if (!stats.isFile()) throw notAFile(from);
  if (stats.size > 0 && (await isCloned(from, to))) {
    // What is hashed is what lies there now.
    const cloned = await hashFile(to, options);
    return { ...cloned, before: identityOf(stats), after: identityOf(await stat(from)) };
  }
  const target = await open(to, 'wx');
  try {
    return await hashFile(from, options, target);
  } finally {
    await target.close();
  }
}

/** Hashes a file, reading it once and writing it to another one where that is asked for. Nothing but a regular file is read. */
export async function hashFile(path: string, { ranges, onBytes, signal }: ReadOptions, to?: FileHandle): Promise<HashedBytes> {
  const from = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await from.stat();
    if (!stats.isFile()) throw notAFile(path);
    const hashers = await Promise.all(ranges.map((range) => RangeHasher.of(range, stats.size)));
    const size = await pump(from, to, stats.size, hashers, onBytes, signal);
    return { size, digests: hashers.map((hasher) => hasher.end()), before: identityOf(stats), after: identityOf(await from.stat()) };
  } finally {
    await from.close();
  }
}

/** Clones a file, which costs nothing and shares no later change; false where the file system cannot. The mode is that of a new file. */
async function isCloned(from: string, to: string): Promise<boolean> {
  const fresh = await open(to, 'wx');
  const { mode } = await fresh.stat().finally(() => fresh.close());
  await unlink(to);
  if (!(await clone(from, to))) return false;
  await chmod(to, mode);
  return true;
}

/** Clones a file with its mode to a new path; false where the file system cannot. */
export async function clone(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    return true;
  } catch {
    await unlink(to).catch(() => undefined);
    return false;
  }
}

export function notAFile(path: string): Error {
  return refused('not-a-file', 'this is not a regular file, and a store holds nothing else', {
    subject: path,
    expected: 'a regular file',
    got: 'a link, pipe, socket or device',
    suggestions: ['remove it, or replace it by the file itself'],
  });
}

/** While one buffer is hashed and written, the other one is read into. */
async function pump(
  from: FileHandle,
  to: FileHandle | undefined,
  expected: number,
  hashers: readonly RangeHasher[],
  onBytes: ReadOptions['onBytes'],
  signal: AbortSignal | undefined,
): Promise<number> {
  // One byte more than expected, so that growth shows.
  const length = Math.min(BUFFER_BYTES, expected + 1);
  let [filling, other] = [Buffer.allocUnsafe(length), Buffer.allocUnsafe(length)];
  let size = 0;
  let reading = from.read(filling, 0, length, null);
  for (;;) {
    const { bytesRead } = await reading;
    if (bytesRead === 0) return size;
    const chunk = filling.subarray(0, bytesRead);
    [filling, other] = [other, filling];
    reading = from.read(filling, 0, length, null);
    try {
      const writing = to === undefined ? undefined : writeAll(to, chunk, size);
      try {
        for (const hasher of hashers) hasher.update(chunk);
      } finally {
        await writing;
      }
      throwIfAborted(signal);
    } catch (error) {
      await reading.catch(() => undefined);
      throw error;
    }
    size += bytesRead;
    onBytes?.(bytesRead);
    // A file that grows for ever is not what was listed.
    if (size > expected) {
      await reading.catch(() => undefined);
      return size;
    }
  }
}

async function writeAll(to: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    const { bytesWritten } = await to.write(chunk, at, chunk.length - at, position + at);
    at += bytesWritten;
  }
}
