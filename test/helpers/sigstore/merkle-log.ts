import { createHash } from 'node:crypto';

/** Hashes of a Merkle tree (RFC 9162 §2.1). */
export interface InclusionProof {
  readonly index: number;
  readonly size: number;
  readonly root: Buffer;
  /** From the leaf upwards. */
  readonly hashes: readonly Buffer[];
}

/** An append-only log. */
export class MerkleLog {
  readonly #leaves: Buffer[] = [];

  get size(): number {
    return this.#leaves.length;
  }

  /** Adds an entry and proves it in the tree that ends with it. */
  append(entry: Uint8Array): InclusionProof {
    this.#leaves.push(leafHash(entry));
    return this.prove(this.size - 1);
  }

  /** Proves an entry in the tree as it is now. */
  prove(index: number): InclusionProof {
    return { index, size: this.size, root: rootOf(this.#leaves), hashes: path(index, this.#leaves) };
  }
}

/** The hash of a leaf, which is also its name in Rekor v1. */
export function leafHash(entry: Uint8Array): Buffer {
  return createHash('sha256').update(Buffer.of(0)).update(entry).digest();
}

function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(Buffer.of(1)).update(left).update(right).digest();
}

/** The largest power of two below n. */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

function rootOf(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only === undefined) return createHash('sha256').digest();
  if (leaves.length === 1) return only;
  const k = split(leaves.length);
  return nodeHash(rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)));
}

function path(index: number, leaves: readonly Buffer[]): readonly Buffer[] {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...path(index, leaves.slice(0, k)), rootOf(leaves.slice(k))]
    : [...path(index - k, leaves.slice(k)), rootOf(leaves.slice(0, k))];
}
