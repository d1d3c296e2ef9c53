import type { ChannelPointer } from './channel.ts';

/**
 * The release to which the channel pointed before the one it points to now was promoted. What was rolled back is not gone
 * back to.
 *
 * @param pointers the highest sequence first
 */
export function releaseBefore(pointers: readonly Pick<ChannelPointer, 'action' | 'release'>[]): ChannelPointer['release'] | undefined {
  const stack: ChannelPointer['release'][] = [];
  for (const { release, action } of pointers.toReversed()) {
    const at = stack.findLastIndex(({ digest }) => digest === release.digest);
    if (action === 'rollback') stack.splice(at === -1 ? -1 : at);
    if (stack.at(-1)?.digest !== release.digest) stack.push(release);
  }
  return stack.findLast(({ digest }) => digest !== stack.at(-1)?.digest);
}
