export * from './compare.ts';
export * from './diff.ts';
export * from './ignore.ts';
export * from './manifest.ts';
export * from './model-id.ts';
export * from './model-path.ts';
export type { ByteRange } from './shard-ranges.ts';
