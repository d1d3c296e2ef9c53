import { refused, usage } from '../core/index.ts';
import { type ChannelPointer, initCommand, releaseBefore, releasesCommand, renewCommand } from '../release/index.ts';
import { locationText, type StoreLocation } from '../store/index.ts';
import type { VerifiedPointer } from './channel-standing.ts';
import { expiryOf, type Lifetime } from './lifetime.ts';
import { type ChannelMove, type MoveChannelOptions, moveChannel } from './move-channel.ts';

/** How a channel is rolled back. */
export interface RollbackChannelOptions extends MoveChannelOptions {
  readonly channel: string;
  /** The number of the release; the one before the present one unless given. */
  readonly to?: number | undefined;
  /** Why, for those who read the history. */
  readonly reason?: string | undefined;
  /** When the pointer that is replaced would have ended, unless given. */
  readonly expires?: Lifetime | undefined;
}

/**
 * Points a channel at an earlier release again, under a higher sequence. The channel's verified history decides, whatever was
 * written over its pointer or deleted.
 *
 * @param location without a reference
 * @throws MlsignError `rollback-target-missing`, `rollback-to-present`, `expires-missing`; `signer-not-allowed`; `channel-moved`
 */
export function rollbackChannel(location: StoreLocation, options: RollbackChannelOptions): Promise<ChannelMove> {
  const { channel, to, reason } = options;
  const subject = locationText(location, { kind: 'channel', name: channel });
  return moveChannel(location, channel, options, ({ pointers, isSound }, now) => {
    const [present] = pointers;
    if (present === undefined) {
      throw refused('channel-missing', 'this channel has no pointer that is verified, in all its history: there is nothing to go back to', {
        subject,
        suggestions: [initCommand(location, channel)],
      });
    }
    const { number, digest } = present.pointer.release;
    if (to === number && isSound) {
      throw refused('rollback-to-present', `the channel points to release ${to} already`, {
        subject,
        suggestions: [`${renewCommand(location, channel)} extends its life`],
      });
    }
    const release = to === undefined ? releaseBefore(pointers.map(({ pointer }) => pointer)) : releaseNumbered(pointers, to);
    if (release === undefined) {
      throw refused('rollback-target-missing', `the channel has pointed to nothing before release ${number}`, {
        subject,
        got: `release ${number}, record ${digest}`,
        suggestions: [`${releasesCommand(location)} shows what there is`, 'name a release with --to'],
      });
    }
    return { action: 'rollback', release, expires: expiryOfRollback(present, options.expires, now, subject), reason };
  });
}

/** The release with a number: under the record that the channel pointed to, where it ever did. */
function releaseNumbered(pointers: readonly VerifiedPointer[], number: number): ChannelPointer['release'] | { readonly number: number } {
  return pointers.find(({ pointer }) => pointer.release.number === number)?.pointer.release ?? { number };
}

function expiryOfRollback({ pointer }: VerifiedPointer, wanted: Lifetime | undefined, now: Date, subject: string): Date {
  if (wanted !== undefined) return expiryOf(wanted, now);
  if (pointer.expires > now) return pointer.expires;
  throw usage('expires-missing', 'the pointer that is replaced has expired: say how long the next one lives', {
    subject,
    expected: '--expires 7d, or another duration or date',
    got: `expired ${pointer.expires.toISOString()}`,
    suggestions: ['the same command with --expires 7d'],
  });
}
