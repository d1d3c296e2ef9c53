/** A byte range, end exclusive. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A file's content in shards. */
export interface ShardedContent {
  readonly size: number;
  readonly digests: readonly string[];
}

/** The ranges that both files have and that differ, neighbours joined. */
export function changedRanges(before: ShardedContent, after: ShardedContent, shardSize: number): readonly ByteRange[] {
  const ranges: { start: number; end: number }[] = [];
  for (const [i, digest] of before.digests.entries()) {
    const start = i * shardSize;
    const end = Math.min(start + shardSize, before.size);
    const comparable = end === Math.min(start + shardSize, after.size);
    if (!comparable || digest === after.digests[i]) continue;
    const last = ranges.at(-1);
    if (last?.end === start) last.end = end;
    else ranges.push({ start, end });
  }
  return ranges;
}
