import type { HashType } from '../core/index.ts';
import type { Hasher } from './engine.ts';

/** What hash-wasm has. */
export const WASM_ALGORITHMS: readonly HashType[] = ['sha256', 'blake2b', 'blake3'];

/** A hasher on hash-wasm: the same code on every machine. Loaded when first used. */
export async function wasmHasher(algorithm: HashType): Promise<Hasher> {
  const hasher = await createHasher(algorithm);
  return {
    digest: (data) => hasher.init().update(data).digest('binary'),
    begin: () => {
      hasher.init();
    },
    update: (data) => {
      hasher.update(data);
    },
    end: () => hasher.digest('binary'),
  };
}

async function createHasher(algorithm: HashType) {
  const wasm = await import('hash-wasm');
  switch (algorithm) {
    case 'sha256':
      return await wasm.createSHA256();
    case 'blake2b':
      return await wasm.createBLAKE2b(512);
    case 'blake3':
      return await wasm.createBLAKE3();
  }
}
