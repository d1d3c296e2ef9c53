export * from './compare.ts';
export { listed } from './compare-findings.ts';
export { type HashedModel, type HashModelOptions, hashModel, type ModelFile } from './hash-model.ts';
export * from './ignore.ts';
export * from './manifest.ts';
export * from './model-id.ts';
export * from './model-name.ts';
export type { ByteRange } from './shard-ranges.ts';
export { openSource, type Source } from './source.ts';
