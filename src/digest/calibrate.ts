import type { HashType } from '../core/index.ts';
import type { EngineName, Hasher } from './engine.ts';
import { NATIVE_ALGORITHMS, nativeHasher } from './native-engine.ts';

/** Below this, trying both engines out costs more than the better one can win. */
const WORTH_MEASURING = 64 * 1024 * 1024;

const SAMPLE = 256 * 1024;
const MEASURING_MS = 3;

/**
 * The faster engine for an algorithm on this machine.
 *
 * BLAKE3 is in hash-wasm alone. SHA-256 is always OpenSSL's: it uses vector and SHA instructions that WebAssembly does
 * not have (4.8 × as fast where the processor has the latter). BLAKE2b is plain C in both, and which compiler did
 * better differs: it is measured.
 */
export async function fasterEngine(algorithm: HashType, bytes: number): Promise<EngineName> {
  if (!NATIVE_ALGORITHMS.includes(algorithm)) return 'wasm';
  const native = tryNative(algorithm);
  if (native === undefined) return 'wasm';
  if (algorithm === 'sha256' || bytes < WORTH_MEASURING) return 'native';
  const { wasmHasher } = await import('./wasm-engine.ts');
  const wasm = await wasmHasher(algorithm);
  return bestTime(wasm) < bestTime(native) ? 'wasm' : 'native';
}

function tryNative(algorithm: HashType): Hasher | undefined {
  try {
    return nativeHasher(algorithm);
  } catch {
    return undefined;
  }
}

/** The shortest of the runs that fit in {@link MEASURING_MS}: the one that was disturbed least, after the compiler was done. */
function bestTime(hasher: Hasher): number {
  const sample = new Uint8Array(SAMPLE);
  const start = performance.now();
  let best = Number.POSITIVE_INFINITY;
  for (let before = start; before - start < MEASURING_MS; ) {
    hasher.digest(sample);
    const after = performance.now();
    best = Math.min(best, after - before);
    before = after;
  }
  return best;
}
