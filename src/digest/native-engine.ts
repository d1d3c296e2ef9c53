import { createHash, type Hash, hash } from 'node:crypto';
import { type HashType, unavailable } from '../core/index.ts';
import type { Hasher } from './engine.ts';

const OPENSSL_NAMES: Readonly<Partial<Record<HashType, string>>> = { sha256: 'sha256', blake2b: 'blake2b512' };

/** What OpenSSL has. BLAKE3 is not in it. */
export const NATIVE_ALGORITHMS: readonly HashType[] = ['sha256', 'blake2b'];

/**
 * A hasher on OpenSSL, which uses the processor's SHA and vector instructions.
 *
 * @throws MlsignError `engine-lacks-algorithm` where this build of OpenSSL leaves the algorithm out (FIPS)
 */
export function nativeHasher(algorithm: HashType): Hasher {
  const name = OPENSSL_NAMES[algorithm] ?? algorithm;
  let running: Hash = start(name, algorithm);
  return {
    digest: (data) => hash(name, data, 'hex'),
    begin: () => {
      running = createHash(name);
    },
    update: (data) => {
      running.update(data);
    },
    end: () => running.digest('hex'),
  };
}

function start(name: string, algorithm: HashType): Hash {
  try {
    return createHash(name);
  } catch (cause) {
    throw unavailable('engine-lacks-algorithm', `the OpenSSL of this Node.js has no ${algorithm}`, {
      subject: algorithm,
      suggestions: ['use --engine wasm'],
      cause,
    });
  }
}
