/**
 * Splits a file into what is hashed by itself: the whole of it, or shards (OMS §6.3.2). Every byte is in exactly one
 * range; a file of zero bytes has no shard.
 */
export function* ranges(size: number, shardSize: number | undefined): Generator<readonly [start: number, end: number]> {
  if (shardSize === undefined) yield [0, size];
  else for (let start = 0; start < size; start += shardSize) yield [start, Math.min(start + shardSize, size)];
}

/** How many {@link ranges} there are. */
export function countRanges(size: number, shardSize: number | undefined): number {
  return shardSize === undefined ? 1 : Math.ceil(size / shardSize);
}
