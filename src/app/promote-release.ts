import { type Finding, refused } from '../core/index.ts';
import { type ChannelPointer, historyCommand, initCommand, rollbackCommand } from '../release/index.ts';
import { locationText, type StoreLocation } from '../store/index.ts';
import type { ChannelStanding, VerifiedPointer } from './channel-standing.ts';
import { expiryOf, type Lifetime } from './lifetime.ts';
import { type ChannelMove, type MoveChannelOptions, moveChannel } from './move-channel.ts';

/** How a release is promoted. */
export interface PromoteReleaseOptions extends MoveChannelOptions {
  readonly channel: string;
  readonly expires: Lifetime;
  readonly reason?: string | undefined;
  /** Whether the channel may be without a sound pointer: before its first one, or after the present one was lost. */
  readonly init?: boolean | undefined;
}

/**
 * Points a channel at a release: the release's record and its model's signatures are verified first, then the pointer that
 * is replaced. No byte of the model is read.
 *
 * @param location with the release: its number, its model id, or another channel
 * @returns what was written, or the findings that forbade it
 * @throws MlsignError `channel-missing`, `channel-not-sound` without `init`; `signer-not-allowed`; `channel-moved`
 */
export function promoteRelease(location: StoreLocation, options: PromoteReleaseOptions): Promise<ChannelMove> {
  const { channel, expires, reason, init = false } = options;
  return moveChannel(location, channel, options, (standing, now) => {
    if (!init) requireSound(location, channel, standing);
    return { action: 'promote', release: 'referred', expires: expiryOf(expires, now), reason };
  });
}

/** How a channel is renewed. */
export interface RenewChannelOptions extends MoveChannelOptions {
  /** As long as before unless given. */
  readonly expires?: Lifetime | undefined;
  readonly reason?: string | undefined;
}

/**
 * Extends the life of a channel's pointer: the same release under the next sequence.
 *
 * @param location with the channel
 * @throws MlsignError as {@link promoteRelease}
 */
export function renewChannel(location: StoreLocation, channel: string, options: RenewChannelOptions): Promise<ChannelMove> {
  return moveChannel(location, channel, options, (standing, now) => {
    const { pointer } = requireSound(location, channel, standing);
    return {
      action: 'renew',
      release: pointer.release,
      expires: expiryOf(options.expires ?? lengthOf(pointer), now),
      reason: options.reason,
    };
  });
}

function lengthOf({ issued, expires }: ChannelPointer): Lifetime {
  return { kind: 'for', milliseconds: expires.getTime() - issued.getTime() };
}

/** The pointer that readers get, where it is the newest that was ever signed. */
function requireSound(location: StoreLocation, channel: string, { pointers, isSound, versions }: ChannelStanding): VerifiedPointer {
  const [newest] = pointers;
  const subject = locationText(location, { kind: 'channel', name: channel });
  if (newest === undefined) {
    throw refused('channel-missing', 'this channel has no pointer that is verified, in all its history', {
      subject,
      expected: 'a pointer signed by one who may move the channel',
      got: versions.length === 0 ? 'nothing' : `${versions.length} that are not: ${firstReason(versions)}`,
      suggestions: [`for its first pointer: ${initCommand(location, channel)}`],
    });
  }
  if (isSound) return newest;
  throw refused('channel-not-sound', 'what readers of this channel get is not its newest signed pointer', {
    subject,
    expected: `sequence ${newest.pointer.sequence}, release ${newest.pointer.release.number}`,
    got: standingNow(versions),
    suggestions: [
      `see what happened: ${historyCommand(location, channel)}`,
      `put it right: ${rollbackCommand(location, channel, newest.pointer.release.number)}, or promote with --init`,
    ],
  });
}

function firstReason(versions: ChannelStanding['versions']): string {
  const reasons = versions.flatMap(({ content }): readonly Pick<Finding, 'message'>[] => {
    if (content.kind === 'pointer') return content.findings;
    return content.kind === 'unreadable' ? [content.error] : [];
  });
  return reasons[0]?.message ?? 'deleted';
}

function standingNow(versions: ChannelStanding['versions']): string {
  const visible = versions.find(({ entry }) => entry.isCurrent && !entry.isDeleted);
  if (visible === undefined) return 'nothing: it was deleted';
  const { content } = visible;
  if (content.kind !== 'pointer') return 'something that is no pointer';
  return content.verified === undefined ? 'a pointer that is not verified' : `the older sequence ${content.pointer.sequence}`;
}
