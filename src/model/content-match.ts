/** A file by name, with the digests of its content: one, or one a shard. */
export interface NamedContent {
  readonly name: string;
  readonly digests: readonly string[];
}

/**
 * Pairs files that have gone with files that have come and hold the same bytes. Each file is in one pair at most; files
 * without a digest are in none.
 *
 * @returns new names by old ones
 */
export function matchByContent(gone: readonly NamedContent[], come: readonly NamedContent[]): ReadonlyMap<string, string> {
  const renamed = new Map<string, string>();
  if (gone.length === 0 || come.length === 0) return renamed;
  const byContent = new Map<string, string[]>();
  for (const { name, digests } of come.toReversed()) {
    if (digests.length === 0) continue;
    const key = digests.join();
    const names = byContent.get(key);
    if (names === undefined) byContent.set(key, [name]);
    else names.push(name);
  }
  for (const { name, digests } of gone) {
    const now = byContent.get(digests.join())?.pop();
    if (now !== undefined) renamed.set(name, now);
  }
  return renamed;
}
