import { type Finding, type MlsignError, refused, unavailable } from '../core/index.ts';
import { serializeBundle } from '../formats/index.ts';
import { type ChannelPointer, channelPayload, parseChannelPointer } from '../release/index.ts';
import { seal } from '../sign/index.ts';
import { layoutOf, locationText, type StoreLocation, type VersionId } from '../store/index.ts';
import { openStatement } from '../verify/index.ts';
import { advanceMark } from './advance-mark.ts';
import { type ChannelStanding, channelMoved } from './channel-standing.ts';
import type { MoveChannelOptions } from './move-channel.ts';
import type { PointerTrust } from './pointer-history.ts';
import { freshSigner } from './signers.ts';

/** A pointer that was written. */
export interface WrittenPointer {
  readonly pointer: ChannelPointer;
  /** SHA-256 of its bytes, hex. */
  readonly digest: string;
  readonly version: VersionId;
  /** In words. */
  readonly signer: string;
}

/** What a new pointer says; the rest follows from the channel. */
export type PointerFields = Pick<ChannelPointer, 'release' | 'modelId' | 'issued' | 'expires' | 'action' | 'reason'>;

/**
 * Signs a channel's next pointer and puts it in the place of the present one, if that is still the one that was looked at.
 *
 * @throws MlsignError `signer-not-allowed` before anything is written; `channel-moved`
 */
export async function writePointer(
  { store, state, signal, ...party }: MoveChannelOptions,
  location: StoreLocation,
  channel: string,
  { pointers, current }: ChannelStanding,
  trust: PointerTrust,
  fields: PointerFields,
): Promise<{ readonly written: WrittenPointer; readonly findings: readonly Finding[] }> {
  const { name } = location;
  const subject = locationText(location, { kind: 'channel', name: channel });
  const seen = await state?.read(name, channel);
  const highest = pointers[0]?.pointer.sequence ?? 0;
  const sequence = Math.max(highest, seen?.sequence ?? 0) + 1;
  if (!Number.isSafeInteger(sequence)) throw exhausted(subject, sequence);
  const pointer: ChannelPointer = { name, channel, sequence, ...fields };
  const signer = await freshSigner(undefined, party, fields.issued);
  const bytes = Buffer.from(serializeBundle(await seal(channelPayload(pointer), signer, { witnesses: party.witnesses, signal })));
  const opened = await openStatement(bytes, subject, trust.principals, parseChannelPointer, trust.evidence);
  if (opened.verified === undefined) throw notAllowed(subject, signer.description, trust, opened.findings);
  const condition = current === undefined ? 'absent' : { tag: current.tag };
  const object = await store.write(layoutOf(location).channel(channel), bytes, condition, undefined, signal);
  if (object === undefined) throw channelMoved(subject);
  const digest = opened.verified.bundleDigest;
  const written = { pointer, digest, version: object.version, signer: signer.description };
  const { findings } = await advanceMark(written, location, state);
  return {
    written,
    findings: [...(seen !== undefined && seen.sequence > highest ? [behind(subject, seen.sequence, highest)] : []), ...findings],
  };
}

function notAllowed(subject: string, signer: string, { principals }: PointerTrust, findings: readonly Finding[]): MlsignError {
  const open = findings.find(({ severity }) => severity === 'undetermined');
  const details = { subject, expected: `a signature of ${describeGroups(principals)}`, got: signer };
  if (open !== undefined) {
    return unavailable(open.code, `whether this signer may move the channel cannot be told: ${open.message}`, {
      ...details,
      suggestions: open.suggestion === undefined ? [] : [open.suggestion],
    });
  }
  return refused('signer-not-allowed', 'this signer may not move the channel; nothing was written', {
    ...details,
    suggestions: ['sign as one of those who may, or name the signer for the channel (in the policy, or with --trust-release)'],
  });
}

/** This client knows of pointers that are no longer there. */
function behind(subject: string, seen: number, highest: number): Finding {
  return {
    code: 'channel-behind',
    severity: 'warning',
    message: 'this client has seen a higher sequence than the history of the channel holds; the new pointer goes on after it',
    subject,
    expected: `sequence ${seen}`,
    got: highest === 0 ? 'no pointer' : `sequence ${highest}`,
    suggestion: 'find out whether an older state was put back, or whether this is another store with a model of the same name (--state)',
  };
}

function exhausted(subject: string, sequence: number): MlsignError {
  return refused('channel-exhausted', 'somebody who may move this channel has used up its sequence numbers', {
    subject,
    got: String(sequence),
    suggestions: ['find out who: mlsign history', 'use a channel of another name'],
  });
}

function describeGroups(groups: PointerTrust['principals']): string {
  return groups.map((group) => group.map(({ name }) => name).join(' or ')).join(', who is also ');
}
