import { HASH_TYPES, type HashType, usage } from '../core/index.ts';
import { fasterEngine } from './calibrate.ts';
import { NATIVE_ALGORITHMS, nativeHasher } from './native-engine.ts';

/** What computes digests: OpenSSL through node:crypto, or hash-wasm. Both give the same digests. */
export type EngineName = 'native' | 'wasm';

/** An engine by name, or the faster one. */
export type EngineChoice = 'auto' | EngineName;

/** Computes one digest after another, in lower-case hex; the bytes given are never kept. */
export interface Hasher {
  /** The digest of bytes that are all at hand. */
  digest(data: Uint8Array): string;
  /** Starts a digest of bytes that come in pieces. */
  begin(): void;
  update(data: Uint8Array): void;
  end(): string;
}

/** The algorithms of each engine. */
export const ENGINE_ALGORITHMS: Readonly<Record<EngineName, readonly HashType[]>> = {
  native: NATIVE_ALGORITHMS,
  wasm: HASH_TYPES,
};

/** A hasher of an engine that {@link chooseEngine} has chosen for the algorithm. */
export async function createHasher(engine: EngineName, algorithm: HashType): Promise<Hasher> {
  if (engine === 'native') return nativeHasher(algorithm);
  // Loaded when first used: it takes 6 ms.
  const { wasmHasher } = await import('./wasm-engine.ts');
  return await wasmHasher(algorithm);
}

/**
 * The engine to use: the one asked for, or with `auto` the faster one for the algorithm on this machine.
 *
 * @param bytes how much is to be hashed, as far as known: trying both engines out takes milliseconds, which little data never gives back
 * @throws MlsignError `engine-lacks-algorithm`
 */
export async function chooseEngine(choice: EngineChoice, algorithm: HashType, bytes = 0): Promise<EngineName> {
  if (choice === 'auto') return await fasterEngine(algorithm, bytes);
  if (ENGINE_ALGORITHMS[choice].includes(algorithm)) {
    await createHasher(choice, algorithm);
    return choice;
  }
  const able = HASH_TYPES.filter((type) => ENGINE_ALGORITHMS[choice].includes(type));
  throw usage('engine-lacks-algorithm', `the ${choice} engine has no ${algorithm}`, {
    subject: algorithm,
    expected: able.join(' or '),
    got: algorithm,
    suggestions: ['use --engine auto, which takes one that has it'],
  });
}
