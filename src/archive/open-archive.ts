import type { ArchiveSource, DiskSource } from '../model/index.ts';
import { archivedName, archiveFormatOf } from './archive-format.ts';
import { GzipArchive } from './gzip-archive.ts';
import { type ArchiveLimits, DEFAULT_LIMITS } from './limits.ts';
import { StagingArchive } from './staging-archive.ts';
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
  const contents = format === 'tar' ? new TarArchive(path, limits, signal) : new GzipArchive(path, limits, signal);
  return { kind: 'archive', path, name: archivedName(name), contents };
}

/**
 * The same, of an archive whose files are unpacked into a folder when they are first read, and looked at there.
 *
 * @param folder exists, is empty, and nobody else writes there
 */
export function openToUnpack(
  file: DiskSource,
  folder: string,
  { limits = DEFAULT_LIMITS, signal }: OpenArchiveOptions = {},
): ArchiveSource | undefined {
  const format = file.kind === 'file' ? archiveFormatOf(file.name) : undefined;
  if (format === undefined) return undefined;
  const { path, name } = file;
  return { kind: 'archive', path, name: archivedName(name), contents: new StagingArchive(path, format, limits, folder, signal) };
}
