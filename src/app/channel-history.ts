import { type Clock, type Finding, systemClock, unavailable, type Verdict, verdictOf } from '../core/index.ts';
import type { Policy } from '../policy/index.ts';
import { releasesCommand } from '../release/index.ts';
import { layoutOf, locationText, type Store, type StoreLocation } from '../store/index.ts';
import { isSound, openFinding, verifiedPointers } from './channel-standing.ts';
import type { EvidenceOptions } from './open-signatures.ts';
import { type PointerVersion, pointerHistory } from './pointer-history.ts';
import { releaseTrust, ruleAt } from './release-trust.ts';

/** How the history of a channel is read. */
export interface ChannelHistoryOptions extends EvidenceOptions {
  readonly store: Store;
  /** Under which every version is verified; nothing is verified without it. */
  readonly policy?: Policy | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Who pointed a channel at what, when, why, until when. */
export interface ChannelHistory {
  readonly verdict: Verdict;
  /** Without a reference. */
  readonly url: string;
  readonly channel: string;
  readonly isVerified: boolean;
  /** When it was looked at. */
  readonly now: Date;
  /** The newest first. */
  readonly versions: readonly PointerVersion[];
  readonly findings: readonly Finding[];
}

/**
 * Every version of a channel's pointer: verified under the channel's role where there is a policy, and otherwise only told.
 *
 * @param location without a reference
 * @returns rejected where what readers get is not the newest verified pointer
 * @throws MlsignError `channel-missing` where there never was one; what the store throws for a listing
 */
export async function channelHistory(location: StoreLocation, channel: string, options: ChannelHistoryOptions): Promise<ChannelHistory> {
  const { store, policy, clock = systemClock, signal } = options;
  const now = clock();
  const trust = policy && releaseTrust(ruleAt(policy, location), options, now);
  const role = trust && { principals: trust.channel(channel), evidence: trust.evidence };
  const subject = locationText(location, { kind: 'channel', name: channel });
  const versions = await pointerHistory(store, location, channel, role, signal);
  if (versions.length === 0) {
    throw unavailable('channel-missing', 'there is no channel of this name, and never was', {
      subject,
      expected: `${store.url}/${layoutOf(location).channel(channel)}`,
      got: 'nothing',
      suggestions: [`${releasesCommand(location)} shows the channels that there are`],
    });
  }
  const findings = trust === undefined ? [] : standingFindings(versions, subject, now);
  const open = trust && openFinding(versions);
  if (open !== undefined) findings.push({ ...open, message: `not every version could be judged: ${open.message}` });
  return { verdict: verdictOf(findings), url: location.url, channel, isVerified: trust !== undefined, now, versions, findings };
}

function standingFindings(versions: readonly PointerVersion[], subject: string, now: Date): Finding[] {
  const [newest, second] = verifiedPointers(versions);
  const finding = (code: string, message: string, expected: string, got?: string): Finding => {
    return { code, severity: 'rejected', message, subject, expected, ...(got === undefined ? {} : { got }) };
  };
  if (newest === undefined) {
    return [
      finding(
        'channel-missing',
        'no pointer of this channel is verified, in all its history',
        'a signature of one who may move the channel',
      ),
    ];
  }
  const { sequence, expires } = newest.pointer;
  const findings: Finding[] = [];
  if (second?.pointer.sequence === sequence) {
    findings.push(finding('channel-forked', `two different pointers are signed as sequence ${sequence}`, newest.digest, second.digest));
  }
  if (!isSound(versions)) {
    findings.push(
      finding('channel-not-sound', 'what readers of this channel get is not its newest signed pointer', `sequence ${sequence}`),
    );
  }
  if (expires <= now)
    findings.push(finding('channel-expired', 'the newest pointer has expired', 'a pointer that has not', expires.toISOString()));
  return findings;
}
