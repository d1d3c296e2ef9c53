import { errorFinding, type Finding, unavailable } from '../core/index.ts';
import { type CurrentObject, layoutOf, type Store, type StoreLocation } from '../store/index.ts';
import { type PointerClaim, type PointerTrust, type PointerVersion, pointerHistory } from './pointer-history.ts';

/** A pointer that the channel's role has signed. */
export type VerifiedPointer = PointerClaim & Required<Pick<PointerClaim, 'verified'>>;

/** How a channel stands before it is moved. */
export interface ChannelStanding {
  /** Every version, newest first. */
  readonly versions: readonly PointerVersion[];
  /** The verified pointers, the highest sequence first, each once. */
  readonly pointers: readonly VerifiedPointer[];
  /** What a reader gets now; undefined where that is nothing. */
  readonly current: CurrentObject | undefined;
  /** Whether what a reader gets is the verified pointer with the highest sequence. */
  readonly isSound: boolean;
}

/**
 * Reads the whole history of a channel, verified under its role.
 *
 * @throws MlsignError `channel-moved` where it changes meanwhile, `channel-history-unread` where a version cannot be judged
 */
export async function channelStanding(
  store: Store,
  location: StoreLocation,
  channel: string,
  trust: PointerTrust,
  signal?: AbortSignal,
): Promise<ChannelStanding> {
  const current = await store.current(layoutOf(location).channel(channel), signal);
  const versions = await pointerHistory(store, location, channel, trust, signal);
  const visible = versions.find(({ entry }) => entry.isCurrent && !entry.isDeleted);
  if (visible?.entry.version !== current?.version) throw channelMoved(`${location.url}@${channel}`);
  // What cannot be judged may be the highest of all.
  const open = openFinding(versions);
  if (open !== undefined) {
    const { message, subject, expected, got, suggestion } = open;
    throw unavailable('channel-history-unread', `what the channel pointed to before cannot be told: ${message}`, {
      subject,
      expected,
      got,
      suggestions: suggestion === undefined ? [] : [suggestion],
    });
  }
  return { versions, pointers: verifiedPointers(versions), current, isSound: isSound(versions) };
}

/** Whether what a reader gets is the verified pointer with the highest sequence. */
export function isSound(versions: readonly PointerVersion[]): boolean {
  const visible = versions.find(({ entry }) => entry.isCurrent && !entry.isDeleted);
  return visible?.content.kind === 'pointer' && visible.content.digest === verifiedPointers(versions)[0]?.digest;
}

/** The verified pointers among versions, the highest sequence first; of those with one sequence, the newest first. */
export function verifiedPointers(versions: readonly PointerVersion[]): readonly VerifiedPointer[] {
  const byDigest = new Map<string, VerifiedPointer>();
  for (const { content } of versions) {
    if (content.kind !== 'pointer' || content.verified === undefined || byDigest.has(content.digest)) continue;
    byDigest.set(content.digest, { ...content, verified: content.verified });
  }
  return [...byDigest.values()].sort((a, b) => b.pointer.sequence - a.pointer.sequence);
}

/** Why a version could not be judged, where one could not. */
export function openFinding(versions: readonly PointerVersion[]): Finding | undefined {
  for (const { content } of versions) {
    const findings = content.kind === 'unreadable' ? [errorFinding(content.error, '')] : content.kind === 'pointer' ? content.findings : [];
    const open = findings.find(({ severity }) => severity === 'undetermined');
    if (open !== undefined) return open;
  }
  return undefined;
}

/** Somebody else was faster. */
export function channelMoved(subject: string) {
  return unavailable('channel-moved', 'somebody else moved the channel meanwhile; nothing was written', {
    subject,
    suggestions: ['see what it points to now (mlsign history), and run the command again'],
  });
}
