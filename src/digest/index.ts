export { chooseEngine, createHasher, type EngineChoice, type EngineName, type Hasher } from './engine.ts';
export { type FilePart, type FileToHash, type HashedFiles, type HashOptions, hashFiles } from './hash-files.ts';
export type { HashedFile } from './hash-results.ts';
export { type FileIdentity, identityOf } from './identity.ts';
export { RangeHasher, type Ranges } from './range-hasher.ts';
export { countRanges, MOST_RANGES, tooManyShards } from './ranges.ts';
