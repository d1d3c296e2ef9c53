export { type ArchiveFormat, archivedName, archiveFormatOf } from './archive-format.ts';
export { gunzip } from './gunzip.ts';
export { type ArchiveLimits, DEFAULT_LIMITS, FREE_BYTES } from './limits.ts';
export { type OpenArchiveOptions, openArchive } from './open-archive.ts';
export { type ReadArchiveOptions, readArchive } from './read-archive.ts';
export type { ArchiveMember } from './read-members.ts';
