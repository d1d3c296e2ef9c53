export { type ArchiveFormat, archivedName, archiveFormatOf } from './archive-format.ts';
export { gunzip } from './gunzip.ts';
export { DEFAULT_LEVEL } from './gzip-blocks.ts';
export { type ArchiveLimits, DEFAULT_LIMITS, FREE_BYTES } from './limits.ts';
export { type OpenArchiveOptions, openArchive, openToUnpack } from './open-archive.ts';
export { type FileToPack, type PackedContent, type PackOptions, packFiles, refuseUnpackable } from './pack-files.ts';
export { type ReadArchiveOptions, readArchive } from './read-archive.ts';
export type { ArchiveMember } from './read-members.ts';
