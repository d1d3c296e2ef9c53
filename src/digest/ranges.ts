/** How many parts of a file are hashed by themselves: one, the whole, or its shards (OMS §6.3.2), of which zero bytes have none. */
export function countRanges(size: number, shardSize: number | undefined): number {
  return shardSize === undefined ? 1 : Math.ceil(size / shardSize);
}

/** The first byte of such a part, and the one after its last. */
export function rangeAt(index: number, size: number, shardSize: number | undefined): readonly [start: number, end: number] {
  if (shardSize === undefined) return [0, size];
  return [index * shardSize, Math.min((index + 1) * shardSize, size)];
}
