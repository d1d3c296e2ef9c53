import { type MlsignError, refused } from '../core/index.ts';

/** More shards than any bundle can hold. */
export const MOST_RANGES = 1_000_000;

/** How many parts of a file are hashed by themselves: one, the whole, or its shards (OMS §6.3.2), of which zero bytes have none. */
export function countRanges(size: number, shardSize: number | undefined): number {
  return shardSize === undefined ? 1 : Math.ceil(size / shardSize);
}

/** The first byte of such a part, and the one after its last. */
export function rangeAt(index: number, size: number, shardSize: number | undefined): readonly [start: number, end: number] {
  if (shardSize === undefined) return [0, size];
  return [index * shardSize, Math.min((index + 1) * shardSize, size)];
}

/** Says that a file has too many shards, or one too many after those before it. */
export function tooManyShards(path: string, size: number, shardSize = 1): MlsignError {
  return refused('too-many-shards', 'the model has more shards than a manifest can hold', {
    subject: path,
    expected: `at most ${MOST_RANGES} shards`,
    got: `${size} bytes in shards of ${shardSize}`,
    suggestions: ['use a larger --shard-size'],
  });
}
