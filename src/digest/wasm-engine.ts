import { createBLAKE2b, createBLAKE3, createSHA256 } from 'hash-wasm';
import type { HashType } from '../core/index.ts';
import type { Hasher } from './engine.ts';

/** A hasher on hash-wasm: the same code on every machine. */
export async function wasmHasher(algorithm: HashType): Promise<Hasher> {
  const hasher = await createHasher(algorithm);
  return {
    digest: (data) => hasher.init().update(data).digest('hex'),
    begin: () => {
      hasher.init();
    },
    update: (data) => {
      hasher.update(data);
    },
    end: () => hasher.digest('hex'),
  };
}

async function createHasher(algorithm: HashType) {
  switch (algorithm) {
    case 'sha256':
      return await createSHA256();
    case 'blake2b':
      return await createBLAKE2b(512);
    case 'blake3':
      return await createBLAKE3();
  }
}
