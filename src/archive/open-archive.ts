import type { ArchiveSource, DiskSource } from '../model/index.ts';
import { Archive } from './archive.ts';
import { archivedName, archiveFormatOf } from './archive-format.ts';
import { type ArchiveLimits, DEFAULT_LIMITS } from './limits.ts';

/**
 * Takes a file for an archive, where its name says that it is one; undefined where not. Nothing is read yet: bytes that are
 * not what the name says are refused when they are.
 *
 * @param limits how much of it is read; {@link DEFAULT_LIMITS} unless given
 */
export function openArchive(file: DiskSource, limits: ArchiveLimits = DEFAULT_LIMITS): ArchiveSource | undefined {
  const format = file.kind === 'file' ? archiveFormatOf(file.name) : undefined;
  if (format === undefined) return undefined;
  return { kind: 'archive', path: file.path, name: archivedName(file.name), contents: new Archive(file.path, format, limits) };
}
