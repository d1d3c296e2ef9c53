import { hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { RangeHasher } from '../digest/index.ts';
import type { BufferPool } from './s3-buffers.ts';
import { areEqual, checkIdentity, checkSigned, countParts, EMPTY_SHA256, readAtOnce, readFully, withFile } from './s3-file.ts';
import type { HashingThreads } from './s3-hashing.ts';
import type { FileUpload, SignedContent } from './store.ts';

/** Read without leaving this thread. */
const TINY = 64 * 1024;

/** One part of a file, in memory. */
export interface FilePart {
  /** From 0. */
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** What reading takes. */
export interface Reading {
  readonly pool: BufferPool;
  readonly threads: HashingThreads;
  readonly partSize: number;
  readonly signal: AbortSignal;
}

/**
 * Reads a file once, in parts, several of them at a time: this thread reads and sends while others hash the same bytes, each part
 * by itself and all as they are signed.
 *
 * @param send is given each part when its digest is known, and may take as long as it likes
 * @returns SHA-256 of each part
 * @throws MlsignError `file-changed` where the file is not what is signed
 */
export async function readParts(
  file: FileUpload,
  handle: FileHandle,
  { pool, threads, partSize, signal }: Reading,
  send: (part: FilePart) => Promise<void>,
): Promise<readonly string[]> {
  const { size } = file.identity;
  const parts = Array.from({ length: countParts(size, partSize) }, () => EMPTY_SHA256);
  const stream = arePartsSigned(file.signed, size, partSize) ? undefined : await threads.open(file.signed, size);
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const failures: unknown[] = [];
  const fail = (error: unknown) => {
    failures.push(error);
    stop.abort();
  };
  const tasks: Promise<void>[] = [];
  for (const index of parts.keys()) {
    const start = index * partSize;
    const buffer = await pool.take(Math.min(partSize, size - start), either).catch(fail);
    if (buffer === undefined) break;
    const { bytes, release } = buffer;
    const isRead = await readFully(file, handle, bytes, start).then(() => true, fail);
    if (isRead !== true) {
      release();
      break;
    }
    const digest = threads.digest(bytes);
    const update = stream?.update(bytes);
    const sent = digest.then((sha256) => {
      parts[index] = sha256;
      return send({ index, bytes, sha256 });
    });
    tasks.push(Promise.all([sent.catch(fail), update?.catch(fail)]).then(release));
  }
  await Promise.all(tasks);
  if (failures.length > 0) throw failures[0];
  await checkIdentity(file, handle);
  checkSigned(file, await (stream?.end() ?? signedByParts(file, parts)));
  return parts;
}

/**
 * Reads a file of one part, and compares it with what is signed before anybody sees it.
 *
 * @param threads hash it; this thread does unless given
 * @returns SHA-256 of the part
 * @throws MlsignError `file-changed`
 */
export async function readOne(file: FileUpload, into: Uint8Array, threads: HashingThreads | undefined): Promise<string> {
  if (into.length <= TINY) {
    readAtOnce(file, into);
    return await checkOne(file, into, threads);
  }
  return withFile(file, async (handle) => {
    await readFully(file, handle, into, 0);
    const sha256 = await checkOne(file, into, threads);
    await checkIdentity(file, handle);
    return sha256;
  });
}

async function checkOne(file: FileUpload, bytes: Uint8Array, threads: HashingThreads | undefined): Promise<string> {
  const sha256 = threads === undefined ? hash('sha256', bytes, 'hex') : await threads.digest(bytes);
  const isSigned = arePartsSigned(file.signed, bytes.length, bytes.length);
  checkSigned(file, isSigned ? signedByParts(file, [sha256]) : await digestsOf(file.signed, bytes, threads));
  return sha256;
}

async function digestsOf(signed: SignedContent, bytes: Uint8Array, threads: HashingThreads | undefined): Promise<readonly string[]> {
  const hasher = await (threads?.open(signed, bytes.length) ?? RangeHasher.of(signed, bytes.length));
  await hasher.update(bytes);
  return hasher.end();
}

/** Whether the digests of the parts are those that are signed, so that bytes are hashed once. */
function arePartsSigned({ algorithm, shardSize }: SignedContent, size: number, partSize: number): boolean {
  if (algorithm !== 'sha256') return false;
  return shardSize === partSize || (size <= partSize && (shardSize === undefined || size <= shardSize));
}

/** What is signed, where the parts are that: a file of no bytes has one part, and no shard. */
function signedByParts({ signed, identity }: FileUpload, parts: readonly string[]): readonly string[] {
  return identity.size === 0 && signed.shardSize !== undefined && areEqual(parts, [EMPTY_SHA256]) ? [] : parts;
}
