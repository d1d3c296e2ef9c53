export * from './compare.ts';
export { listed } from './compare-findings.ts';
export { dirHash } from './dir-hash.ts';
export type { ListedFile } from './directory-source.ts';
export { type HashedModel, type HashModelOptions, hashModel, type ListedModel, listModel, type ModelFile } from './hash-model.ts';
export * from './ignore.ts';
export * from './manifest.ts';
export * from './model-id.ts';
export * from './model-name.ts';
export type { ByteRange } from './shard-ranges.ts';
export {
  type ArchiveContents,
  type ArchiveSource,
  type DiskSource,
  type HashedArchive,
  type HashedMember,
  openSource,
  type PackedFile,
  type Source,
} from './source.ts';
