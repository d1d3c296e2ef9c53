import type { Ranges } from '../digest/index.ts';
import type { ArchiveSource, DiskSource } from '../model/index.ts';
import type { ArchiveBytes } from './archive-bytes.ts';
import { archivedName, archiveFormatOf } from './archive-format.ts';
import { type ArchiveLimits, DEFAULT_LIMITS } from './limits.ts';
import { LocalBytes } from './local-bytes.ts';
import { StagingArchive } from './staging-archive.ts';
import { type OwnBytes, StreamedArchive } from './streamed-archive.ts';
import { TarArchive } from './tar-archive.ts';

/** How an archive is read, whoever asks. */
export interface OpenArchiveOptions {
  /** {@link DEFAULT_LIMITS} unless given. */
  readonly limits?: ArchiveLimits | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes a file for an archive, where its name says that it is one; undefined where not. Nothing is read yet: bytes that are
 * not what the name says are refused when they are.
 */
export function openArchive(file: DiskSource, { limits = DEFAULT_LIMITS, signal }: OpenArchiveOptions = {}): ArchiveSource | undefined {
  const format = file.kind === 'file' ? archiveFormatOf(file.name) : undefined;
  if (format === undefined) return undefined;
  const { path, name } = file;
  const contents =
    format === 'tar' ? new TarArchive(path, limits, signal) : new StreamedArchive(new LocalBytes(path), { format, limits, signal });
  return { kind: 'archive', path, name: archivedName(name), contents };
}

/** An archive that is streamed, and what its own bytes were. */
export interface StreamedSource extends ArchiveSource {
  /** In the last pass over it; undefined before there was one. */
  readonly own: () => OwnBytes | undefined;
}

/**
 * The same, of an archive wherever its bytes come from: one pass over them gives the digests of what it holds and its own.
 *
 * @param name of the archive, with what tells that it is one
 * @param ranges how its own bytes are hashed
 */
export function openStreamed(
  name: string,
  bytes: ArchiveBytes,
  ranges: Ranges,
  { limits = DEFAULT_LIMITS, signal }: OpenArchiveOptions = {},
): StreamedSource | undefined {
  const format = archiveFormatOf(name);
  if (format === undefined) return undefined;
  const contents = new StreamedArchive(bytes, { format, limits, own: ranges, signal });
  return { kind: 'archive', path: bytes.where, name: archivedName(name), contents, own: () => contents.own };
}

/**
 * The same, of an archive whose files are unpacked into a folder when they are first hashed, and looked at there. What is read of
 * it before is read where it is, unless somebody trusted is known to have signed it.
 *
 * @param folder exists, is empty, and nobody else writes there
 */
export function openToUnpack(
  file: DiskSource,
  folder: string,
  { limits = DEFAULT_LIMITS, signal }: OpenArchiveOptions = {},
): ArchiveSource | undefined {
  const source = openArchive(file, { limits, signal });
  const format = archiveFormatOf(file.name);
  if (source === undefined || format === undefined) return undefined;
  return { ...source, contents: new StagingArchive(file.path, { format, limits, signal }, source.contents, folder) };
}
