import type { ArchiveSource, DiskSource } from '../model/index.ts';
import { Archive } from './archive.ts';
import { archivedName, archiveFormatOf } from './archive-format.ts';
import { type ArchiveLimits, DEFAULT_LIMITS } from './limits.ts';

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
  return { kind: 'archive', path: file.path, name: archivedName(file.name), contents: new Archive(file.path, format, limits, signal) };
}
