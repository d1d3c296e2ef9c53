export { chooseEngine, createHasher, type EngineChoice, type EngineName, type Hasher } from './engine.ts';
export { type FileToHash, type HashedFiles, type HashOptions, hashFiles } from './hash-files.ts';
export type { HashedFile } from './hash-results.ts';
export { type FileIdentity, identityOf } from './identity.ts';
