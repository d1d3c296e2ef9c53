import { createHash } from 'node:crypto';

/** Where a leaf stands in a Merkle tree, and the hashes beside its path to the root, the lowest first. */
export interface InclusionProof {
  readonly index: bigint;
  readonly size: bigint;
  readonly hashes: readonly Uint8Array[];
}

/** The hash of a leaf (RFC 9162 §2.1.1). */
export function merkleLeaf(entry: Uint8Array): Uint8Array {
  return createHash('sha256').update(Buffer.of(0)).update(entry).digest();
}

/**
 * The root that a leaf and its proof lead to (RFC 9162 §2.1.3.2), or undefined where the proof is not one for that place in
 * a tree of that size.
 */
export function merkleRoot(leaf: Uint8Array, { index, size, hashes }: InclusionProof): Uint8Array | undefined {
  if (index < 0n || index >= size) return undefined;
  let position = index;
  let last = size - 1n;
  let node = leaf;
  for (const hash of hashes) {
    if (last === 0n) return undefined;
    if ((position & 1n) === 1n || position === last) {
      node = hashPair(hash, node);
      while ((position & 1n) === 0n && position !== 0n) {
        position >>= 1n;
        last >>= 1n;
      }
    } else {
      node = hashPair(node, hash);
    }
    position >>= 1n;
    last >>= 1n;
  }
  return last === 0n ? node : undefined;
}

function hashPair(left: Uint8Array, right: Uint8Array): Uint8Array {
  return createHash('sha256').update(Buffer.of(1)).update(left).update(right).digest();
}
