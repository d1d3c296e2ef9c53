export { chooseEngine, createHasher, type EngineChoice, type EngineName, type Hasher } from './engine.ts';
export { FileHasher, type FileToHash, type HashedFile, type HashOptions } from './file-hasher.ts';
export { hashFiles } from './hash-files.ts';
export { type FileIdentity, identityOf } from './identity.ts';
