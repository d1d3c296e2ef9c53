export { inParallel, READS_AT_ONCE } from './in-parallel.ts';
export * from './layout.ts';
export { underLock } from './local-lock.ts';
export * from './location.ts';
export { openStore } from './open-store.ts';
export { countParts, partSizeFor } from './s3-file.ts';
export type * from './store.ts';
export { NULL_VERSION } from './store.ts';
