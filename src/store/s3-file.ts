import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { fileError, type MlsignError, refused } from '../core/index.ts';
import { identityOf } from '../digest/index.ts';
import type { FileUpload, SignedContent } from './store.ts';

/** SHA-256 of no bytes. */
export const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** A pipe that has taken the place of a file does not block. */
const OPEN = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
const MIB = 1024 * 1024;
const PART_SIZE = 16 * MIB;
const SMALLEST_PART = 8 * MIB;
const LARGEST_PART = 64 * MIB;
/** S3's limit. */
const MOST_PARTS = 10_000;

/**
 * Bytes a part for a file, the same in every run: the signed shards where they fit, so that one SHA-256 serves both, else 16 MiB, or
 * what S3's limit of 10,000 parts asks for.
 */
export function partSizeFor(size: number, { algorithm, shardSize = 0 }: SignedContent): number {
  const fits = shardSize >= SMALLEST_PART && shardSize <= LARGEST_PART && Math.ceil(size / shardSize) <= MOST_PARTS;
  if (algorithm === 'sha256' && fits) return shardSize;
  let partSize = PART_SIZE;
  while (Math.ceil(size / partSize) > MOST_PARTS) partSize *= 2;
  return partSize;
}

/** How many parts an object has: one at least. */
export function countParts(size: number, partSize: number): number {
  return Math.max(1, Math.ceil(size / partSize));
}

/** Opens a file that is to be uploaded, and does something with it; it must be the one that was listed, and stay so. */
export async function withFile<T>(file: FileUpload, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(file.path, OPEN).catch((error: unknown) => {
    throw fileError(error, 'read the file', file.path);
  });
  try {
    await checkIdentity(file, handle);
    return await work(handle);
  } finally {
    await handle.close();
  }
}

/**
 * Compares an open file with how it was listed.
 *
 * @throws MlsignError `file-changed`, `not-a-file`
 */
export async function checkIdentity(file: FileUpload, handle: FileHandle): Promise<void> {
  checkStats(file, await handle.stat());
}

function checkStats(file: FileUpload, stats: Stats): void {
  if (!stats.isFile()) throw refused('not-a-file', 'not a regular file', { subject: file.path, expected: 'a regular file' });
  const now = identityOf(stats);
  const { size, mtimeMs, ino, dev } = file.identity;
  if (now.size !== size || now.mtimeMs !== mtimeMs || now.ino !== ino || now.dev !== dev) {
    throw fileChanged(file, 'the file that was listed', 'another file, or other content');
  }
}

/**
 * Reads a whole small file at once: five calls that each wait for another thread take ten times as long. It must be the one that
 * was listed, and stay so.
 */
export function readAtOnce(file: FileUpload, into: Uint8Array): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file.path, OPEN);
    checkStats(file, fstatSync(descriptor));
    for (let at = 0; at < into.length; ) {
      const bytes = readSync(descriptor, into, at, into.length - at, at);
      if (bytes === 0) throw fileChanged(file, `${into.length} bytes`, `${at} bytes`);
      at += bytes;
    }
    checkStats(file, fstatSync(descriptor));
  } catch (error) {
    throw fileError(error, 'read the file', file.path);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Fills a buffer from a place in a file, which must reach so far. */
export async function readFully(file: FileUpload, handle: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < into.length; ) {
    const { bytesRead } = await handle.read(into, at, into.length - at, position + at).catch((error: unknown) => {
      throw fileError(error, 'read the file', file.path);
    });
    if (bytesRead === 0) throw fileChanged(file, `${file.identity.size} bytes`, `${position + at} bytes`);
    at += bytesRead;
  }
}

/**
 * Compares the digests of a file with what is signed.
 *
 * @throws MlsignError `file-changed`
 */
export function checkSigned(file: FileUpload, digests: readonly string[]): void {
  if (!areEqual(digests, file.signed.digests)) throw fileChanged(file, summary(file.signed.digests), summary(digests));
}

export function areEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((digest, index) => digest === b[index]);
}

/** Digests on one line. */
export function summary([first = 'nothing', ...rest]: readonly string[]): string {
  return rest.length === 0 ? first : `${first} and ${rest.length} more`;
}

function fileChanged({ path }: FileUpload, expected: string, got: string): MlsignError {
  return refused('file-changed', 'the file is not what was signed', {
    subject: path,
    expected,
    got,
    suggestions: ['sign the model again, if the change is meant', 'try again when nothing writes to it'],
  });
}
