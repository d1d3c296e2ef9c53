import { stat } from 'node:fs/promises';
import { basename, resolve, sep } from 'node:path';
import { fileError, type MlsignError, refused, unavailable, usage } from '../core/index.ts';
import type { EngineName, FileToHash, HashedFile, HashOptions } from '../digest/index.ts';

/** As in `store/llm@production`. */
const LIKE_RELEASE = /@(?:\d+|[a-z][\w.-]*|sha256:[0-9a-f]+)$/;

/** Where a model's bytes are read from. */
export type Source = DiskSource | ArchiveSource;

/** A model that lies on a disk as it is. */
export interface DiskSource {
  readonly kind: 'file' | 'directory';
  /** Absolute. It may itself be a symbolic link: the user named it. */
  readonly path: string;
  /** The last segment of the path: the subject of a signature, and the name of a single file. */
  readonly name: string;
}

/** A directory that is packed in an archive: its content is the model, and not the archive's own bytes. */
export interface ArchiveSource {
  readonly kind: 'archive';
  /** Of the archive. Absolute. */
  readonly path: string;
  /** The name of the archive without `.tar`, `.tar.gz` or `.tgz`. */
  readonly name: string;
  readonly contents: ArchiveContents;
}

/** What an archive holds. Each pass over it checks all of it. */
export interface ArchiveContents {
  /**
   * Lists the members, and hashes those that are wanted.
   *
   * @throws MlsignError `archive-…` and `gzip-…` where readers might see different things in it, and what reading and hashing throw
   */
  hash(isWanted: (name: string) => boolean, options: HashOptions): Promise<HashedArchive>;
  /**
   * The bytes of one file, or undefined where there is none of that name. Where all has to be read for it, it is hashed on the way.
   *
   * @param isTrusted whether somebody who is trusted has signed the model: only then anything is written for it
   */
  read(name: string, maxBytes: number, options: HashOptions, isTrusted?: boolean): Promise<Uint8Array | undefined>;
}

/** A file in a compressed archive. */
export interface PackedFile {
  /** Bytes. */
  readonly size: number;
  /**
   * Lends it for reading: what it lends fills as much of a buffer as the file holds from an offset on, and gives the number of
   * bytes.
   *
   * @throws MlsignError `archive-not-seekable` where so much would have to be unpacked again that it is not done
   */
  lend<T>(use: (readInto: (buffer: Buffer, offset: number) => Promise<number>) => Promise<T>): Promise<T>;
}

/** An archive that was read to its end. */
export interface HashedArchive {
  readonly engine: EngineName;
  readonly members: readonly HashedMember[];
}

/** A file or directory in an archive. */
export interface HashedMember {
  readonly name: string;
  readonly kind: 'file' | 'directory';
  /** Bytes. */
  readonly size: number;
  /** Absent where it was not asked for. */
  readonly result?: HashedFile | undefined;
  /** Where its bytes are, where they are not compressed. */
  readonly place?: FileToHash | undefined;
  /** How they are read where they are. */
  readonly packed?: PackedFile | undefined;
}

/**
 * Finds out what a path names: one file or a directory tree. Nothing is opened.
 *
 * @throws MlsignError `model-missing` for an empty path, `file-not-found`, `not-a-directory`, `permission-denied`, `not-a-model` for a pipe, socket or device
 */
export async function openSource(path: string): Promise<DiskSource> {
  // An empty path would be the working directory: most likely it is a variable that is not set.
  if (path === '')
    throw usage('model-missing', 'the path of the model is empty', { suggestions: ['give a model, or . for this directory'] });
  const absolute = resolve(path);
  const stats = await stat(absolute).catch((error) => {
    throw notThere(fileError(error, 'read the model', path), path);
  });
  const kind = stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : undefined;
  if (kind === 'file' && saysDirectory(path)) {
    throw unavailable('not-a-directory', 'cannot read the model: it is a file, and its path that of a directory', {
      subject: path,
      suggestions: ['leave out what stands after the name of the file'],
    });
  }
  if (kind !== undefined) return { kind, path: absolute, name: basename(absolute) || 'root' };
  throw refused('not-a-model', 'a model is a file or a directory, and this is neither', {
    subject: path,
    expected: 'a regular file or a directory',
    got: 'a pipe, socket or device',
    suggestions: ['write the bytes to a file first'],
  });
}

/** What is written like a release in a store, but for the store, was most likely meant as one. */
function notThere(error: MlsignError, path: string): MlsignError {
  if (error.code !== 'file-not-found' || !LIKE_RELEASE.test(path)) return error;
  const suggestions = [...error.suggestions, `a release in a store begins with s3:// or file: as in file:${path}`];
  return unavailable(error.code, error.message, { subject: path, suggestions, cause: error.cause });
}

function saysDirectory(path: string): boolean {
  return ['/', sep].some((separator) => path.endsWith(separator) || path.endsWith(`${separator}.`));
}
