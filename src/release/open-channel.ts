import type { Check, Finding } from '../core/index.ts';
import { inParallel, layoutOf, locationText, type ObjectVersion, type Store, type StoreLocation, type VersionId } from '../store/index.ts';
import type { VerifiedStatement } from '../verify/index.ts';
import { type ChannelPointer, MAX_POINTER_BYTES, parseChannelPointer } from './channel.ts';
import type { Mark } from './high-water.ts';
import { highestOf, judgePointer, type SeenPointer } from './judge-pointer.ts';
import { historyCommand, initCommand, releasesCommand, rollbackCommand } from './next-steps.ts';
import { releaseBefore } from './release-before.ts';
import type { ChannelClient, ReleaseTrust } from './trust.ts';
import { failure, type OpenedVersion, openVersion, type SignedDocument, sharingRoot, type Versions, versionsOf } from './versions.ts';

/** A channel whose pointer passed every check. */
export interface VerifiedChannel extends SeenPointer {
  readonly statement: VerifiedStatement<ChannelPointer>;
  readonly version: VersionId;
  /** The number of the release that `mlsign rollback` would go back to. */
  readonly previous?: number | undefined;
}

/** What became of a channel: the pointer, or why there is none. */
export interface OpenedChannel {
  readonly channel?: VerifiedChannel | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** How many versions of a pointer are looked at, the newest first. */
export const MAX_POINTER_VERSIONS = 1000;
const READS_AT_ONCE = 8;

/**
 * Opens a channel: the pointer that a reader gets, verified under the channel's role, and judged by its time, by what this
 * client has seen, and by the pointer's own history. The client's mark is read and not moved.
 *
 * @throws MlsignError `state-invalid`, `interrupted`
 */
export async function openChannel(
  store: Store,
  location: StoreLocation,
  channel: string,
  trust: ReleaseTrust,
  client: ChannelClient,
  signal?: AbortSignal,
): Promise<OpenedChannel> {
  const { state } = client;
  const mark = await state?.read(location.name, channel);
  // What was never remembered, and never will be, is no state.
  const isForgetful = !client.mayBeStateless && mark === undefined && state !== undefined && !(await state.isWritable());
  const key = layoutOf(location).channel(channel);
  const document: SignedDocument<ChannelPointer> = {
    signers: trust.channel(channel),
    evidence: sharingRoot(trust.evidence),
    maxBytes: MAX_POINTER_BYTES,
    parse: parseChannelPointer,
    isForeign: (pointer, where) => otherChannel(location, channel, pointer, where),
  };
  try {
    const versions = await versionsOf(store, key, MAX_POINTER_VERSIONS, signal);
    const written: Versions['entries'] = versions.entries.filter(({ isDeleted }) => !isDeleted);
    const all: readonly ObjectVersion[] = versions.forbidden === undefined || versions.visible === undefined ? written : [versions.visible];
    const opened = await inParallel(all, READS_AT_ONCE, signal, (entry, either) =>
      openVersion(store, entry, versions.visible, document, either),
    );
    return judge(location, channel, versions, opened, mark, isForgetful ? { ...client, state: undefined } : client);
  } catch (error) {
    const finding = failure(error, `${store.url}/${key}`);
    return {
      checks: [{ name: 'channel', status: 'could-not-run', detail: `${finding.subject}: ${finding.message}` }],
      findings: [finding],
    };
  }
}

type OpenedPointer = OpenedVersion<ChannelPointer>;
type SoundPointer = SeenPointer & { readonly opened: OpenedPointer; readonly statement: VerifiedStatement<ChannelPointer> };

function judge(
  location: StoreLocation,
  channel: string,
  versions: Versions,
  opened: readonly OpenedPointer[],
  mark: Mark | undefined,
  client: ChannelClient,
): OpenedChannel {
  const subject = locationText(location, { kind: 'channel', name: channel });
  const sound = opened.flatMap(soundPointer);
  const visible = opened.find(({ isVisible }) => isVisible);
  const current = sound.find(({ opened }) => opened === visible);
  if (visible === undefined || current === undefined) return notSound(location, channel, subject, versions, visible, sound);
  const { pointer, digest, statement } = current;
  const evidence = [
    stateEvidence(subject, mark, client),
    historyEvidence(subject, versions, opened, sound, mark !== undefined || client.minSequence !== undefined),
  ];
  const judged = judgePointer({ pointer, digest, location, now: client.now, mark, minSequence: client.minSequence, history: sound });
  const checks = [...visible.checks, ...evidence.flatMap(({ checks }) => checks), ...judged.checks];
  const findings = [...evidence.flatMap(({ findings }) => findings), ...judged.findings];
  if (findings.some(({ severity }) => severity === 'rejected' || severity === 'undetermined')) return { checks, findings };
  const falling = sound.map((seen) => seen.pointer).sort((a, b) => b.sequence - a.sequence);
  const previous = releaseBefore(falling)?.number;
  return { channel: { pointer, digest, statement, version: versionOf(visible), previous }, checks, findings };
}

function versionOf({ entry }: OpenedPointer): VersionId {
  return entry.version;
}

function soundPointer(opened: OpenedPointer): readonly SoundPointer[] {
  const { verified } = opened;
  return verified === undefined ? [] : [{ pointer: verified.statement, digest: verified.bundleDigest, statement: verified, opened }];
}

/** What a reader gets is no pointer that counts. */
function notSound(
  location: StoreLocation,
  channel: string,
  subject: string,
  { entries, visible: current }: Versions,
  visible: OpenedPointer | undefined,
  sound: readonly SoundPointer[],
): OpenedChannel {
  const newest = highestOf(sound);
  const next =
    newest === undefined
      ? `see what there is: ${releasesCommand(location)}; for a first pointer: ${initCommand(location, channel)}`
      : `put it right: ${rollbackCommand(location, channel, newest.pointer.release.number)}`;
  const got =
    newest === undefined ? undefined : `in its history: sequence ${newest.pointer.sequence}, release ${newest.pointer.release.number}`;
  if (visible === undefined || current === undefined) {
    const isDeleted = entries.length > 0;
    const message = isDeleted ? 'the pointer of this channel was deleted' : 'there is no channel of this name';
    const finding: Finding = {
      code: isDeleted ? 'channel-deleted' : 'channel-missing',
      severity: isDeleted ? 'rejected' : 'undetermined',
      message,
      subject,
      expected: 'a signed pointer',
      got: got ?? 'nothing',
      suggestion: next,
    };
    return {
      checks: [{ name: 'channel', status: isDeleted ? 'failed' : 'could-not-run', detail: `${subject}: ${message}` }],
      findings: [finding],
    };
  }
  if (newest === undefined) return { checks: visible.checks, findings: visible.findings };
  const overwritten: Finding = {
    code: 'channel-overwritten',
    severity: 'rejected',
    message: 'something else was written over the pointer of this channel',
    subject,
    expected: 'a pointer signed by one who may move the channel',
    got,
    suggestion: `see what happened: ${historyCommand(location, channel)} · ${next}`,
  };
  return { checks: visible.checks, findings: [...visible.findings, overwritten] };
}

/** Whether the client remembers anything: without that only the pointer's own history shows a rollback. */
function stateEvidence(subject: string, mark: Mark | undefined, { state, minSequence, mayBeStateless }: ChannelClient): OpenedChannel {
  const check = (status: Check['status'], detail: string): Check => ({ name: 'channel-mark', status, detail: `${subject}: ${detail}` });
  if (mark !== undefined) return { checks: [check('passed', `this client has seen sequence ${mark.sequence}`)], findings: [] };
  if (minSequence !== undefined) return { checks: [check('passed', `--min-sequence ${minSequence}`)], findings: [] };
  if (state !== undefined) return { checks: [check('passed', `the first pointer that this client sees (${state.path})`)], findings: [] };
  const detail = 'this client remembers no earlier pointer';
  if (mayBeStateless) return { checks: [check('skipped', detail)], findings: [] };
  const finding: Finding = {
    code: 'channel-state-missing',
    severity: 'undetermined',
    message: 'the policy asks that whoever follows this channel remembers its pointers, and this client does not',
    subject,
    expected: 'what this client has seen of the channel',
    got: 'nothing',
    suggestion: 'keep a state file (--state FILE), or say what the channel must be at least (--min-sequence N)',
  };
  return { checks: [check('could-not-run', detail)], findings: [finding] };
}

/**
 * How much of the pointer's history was looked at. A client that knows a sequence can do without it. Where there is more of it than
 * is read, its newest part must be an unbroken row of rising pointers: nothing was written over, or put back.
 */
function historyEvidence(
  subject: string,
  { forbidden, isCut, entries }: Versions,
  opened: readonly OpenedPointer[],
  sound: readonly SoundPointer[],
  isKnown: boolean,
): OpenedChannel {
  const open = opened.flatMap(({ findings }) => findings.filter(({ severity }) => severity === 'undetermined'));
  const rises =
    sound.length === entries.length && sound.every(({ pointer }, i) => pointer.sequence < (sound[i - 1]?.pointer.sequence ?? Infinity));
  const [reason] = [
    ...(forbidden === undefined ? open : [forbidden]).map(({ message }) => message),
    ...(isCut && !rises ? [`only its newest ${MAX_POINTER_VERSIONS} versions are read, and not all of them are pointers in a row`] : []),
  ];
  const count = `${opened.length} ${opened.length === 1 ? 'version' : 'versions'} of the pointer`;
  const all = opened.length === 1 ? 'the only version of the pointer' : `all ${count}`;
  if (reason === undefined) {
    const detail = `${subject}: ${isCut ? `the newest ${count}` : all} read, ${sound.length} of them verified`;
    return { checks: [{ name: 'channel-history', status: 'passed', detail }], findings: [] };
  }
  const finding: Finding = {
    code: 'channel-history-unread',
    severity: isKnown ? 'warning' : 'undetermined',
    message: `whether an older pointer was put back cannot be seen from its history: ${reason}`,
    subject,
    suggestion: isKnown
      ? 'allow s3:ListBucketVersions and s3:GetObjectVersion'
      : 'allow s3:ListBucketVersions and s3:GetObjectVersion, or say what the channel must be at least (--min-sequence N)',
  };
  return { checks: [{ name: 'channel-history', status: 'could-not-run', detail: `${subject}: ${reason}` }], findings: [finding] };
}

/** A pointer of another model or channel, put where it does not belong; undefined where it belongs there. */
export function otherChannel(location: StoreLocation, channel: string, pointer: ChannelPointer, where: string): Finding | undefined {
  const { name } = location;
  if (pointer.name === name && pointer.channel === channel) return undefined;
  return {
    code: 'channel-other-name',
    severity: 'rejected',
    message: 'this pointer was signed for another channel',
    subject: where,
    expected: `${name}@${channel}`,
    got: `${pointer.name}@${pointer.channel}`,
    suggestion: `see what happened: ${historyCommand(location, channel)}`,
  };
}
