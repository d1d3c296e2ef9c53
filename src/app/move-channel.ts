import { type Check, type Finding, systemClock, usage, type Verdict, verdictOf } from '../core/index.ts';
import { type ChannelPointer, restoreCommand } from '../release/index.ts';
import { CHANNEL_NAME, inParallel, READS_AT_ONCE, type Store, type StoreLocation } from '../store/index.ts';
import { type ChannelStanding, channelStanding } from './channel-standing.ts';
import { readPrefix } from './check-prefix.ts';
import { loaderPrefix } from './loader-prefix.ts';
import { releaseTrust, ruleAt } from './release-trust.ts';
import type { SigningParty } from './signers.ts';
import { openStoredModel, type SignedContents, type StoredModelOptions } from './stored-model.ts';
import { type WrittenPointer, writePointer } from './write-pointer.ts';

/** How a channel is moved: who signs, and what must hold for the release. */
export type MoveChannelOptions = SigningParty & Omit<StoredModelOptions, 'minSequence'>;

/** What a promotion, a renewal or a rollback did. */
export interface ChannelMove {
  readonly verdict: Verdict;
  readonly action: ChannelPointer['action'];
  /** Without a reference. */
  readonly url: string;
  readonly channel: string;
  readonly policy: { readonly source: string; readonly digest?: string | undefined; readonly rule: string };
  /** Absent where the verdict forbade it. */
  readonly written?: WrittenPointer | undefined;
  /** The newest pointer before; absent for the first one. */
  readonly replaced?: { readonly pointer: ChannelPointer; readonly signer: string } | undefined;
  /** What a deploy step is pointed at. */
  readonly prefix?: string | undefined;
  /** Files of which a reader of the prefix may get other bytes, or none. */
  readonly notCurrent: readonly string[];
  /** The command that makes them current again, where there are any. */
  readonly restore?: string | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** What the next pointer is to say. */
export interface PlannedMove {
  readonly action: ChannelPointer['action'];
  /** The release that the location refers to, or one by its number, and by its record's digest where that is known. */
  readonly release: 'referred' | { readonly number: number; readonly digest?: string | undefined };
  readonly expires: Date;
  readonly reason?: string | undefined;
}

/**
 * Looks at a channel, decides what its next pointer says, verifies the release and its model's signatures, and writes it.
 *
 * @param plan decides from what was found; throws where the channel may not be moved
 */
export async function moveChannel(
  location: StoreLocation,
  channel: string,
  options: MoveChannelOptions,
  plan: (standing: ChannelStanding, now: Date) => PlannedMove,
): Promise<ChannelMove> {
  const { store, policy, clock = systemClock, signal } = options;
  checkChannelName(channel);
  const now = clock();
  const rule = ruleAt(policy, location);
  const { channel: principalsOf, evidence } = releaseTrust(rule, options, now);
  const role = { principals: principalsOf(channel), evidence };
  const standing = await channelStanding(store, location, channel, role, signal);
  const { action, release: wanted, expires, reason } = plan(standing, now);
  checkReason(reason);
  const [newest] = standing.pointers;
  const { url } = location;
  const base = {
    action,
    url,
    channel,
    policy: { source: policy.source, digest: policy.digest, rule: rule.name },
    replaced: newest && { pointer: newest.pointer, signer: newest.signer },
  };
  const target: StoreLocation = wanted === 'referred' ? location : { ...location, reference: { kind: 'release', number: wanted.number } };
  const model = await openStoredModel(target, { ...options, recordDigest: wanted === 'referred' ? undefined : wanted.digest });
  const { release, contents, checks, findings } = model;
  const verdict = verdictOf(findings);
  if (release === undefined || contents === undefined || verdict !== 'verified') {
    return { ...base, verdict, notCurrent: [], checks: [...checks, skipped(UNREAD)], findings };
  }
  const { number, modelId } = release.record;
  const fields = {
    release: { number, digest: release.digest },
    modelId,
    issued: now,
    expires,
    action,
    ...(reason === undefined ? {} : { reason }),
  };
  const { written, findings: afterwards } = await writePointer(options, location, channel, standing, role, fields);
  const lost = await notCurrent(store, location, modelId, contents, signal);
  return {
    ...base,
    verdict,
    written,
    prefix: loaderPrefix(store, location, modelId),
    notCurrent: lost,
    ...(lost.length === 0 ? {} : { restore: restoreCommand(location, number) }),
    checks: [...checks, skipped(UNREAD)],
    findings: [...findings, ...afterwards],
  };
}

/** Files whose current version is not the pinned one, as far as the store cannot tell that it has the same bytes. */
async function notCurrent(
  store: Store,
  location: StoreLocation,
  modelId: string,
  { files }: SignedContents,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const { absent, replaced } = await readPrefix(store, location, modelId, files, signal);
  const isSame = async ({ file: { object }, current }: (typeof replaced)[number]): Promise<boolean> =>
    current.size === object.size && (await store.attest({ ...object, version: current.version }, signal)).kind === 'attested';
  const same = await inParallel(replaced, READS_AT_ONCE, signal, isSame);
  return [...absent, ...replaced.filter((_, i) => same[i] !== true).map(({ file }) => file)].map(({ name }) => name);
}

/** As pointers hold it. */
const REASON = /^\P{Cc}{1,1000}$/u;

const UNREAD = 'no byte of the model was read: its signatures alone were verified';

function skipped(detail: string): Check {
  return { name: 'model-content', status: 'skipped', detail };
}

function checkChannelName(channel: string): void {
  if (CHANNEL_NAME.test(channel)) return;
  throw usage('channel-name-invalid', 'this is no name of a channel', {
    subject: channel,
    expected: 'a letter, then at most 63 letters, digits, ".", "_" and "-"',
    suggestions: ['production, staging, canary …'],
  });
}

function checkReason(reason: string | undefined): void {
  if (reason === undefined || REASON.test(reason)) return;
  throw usage('reason-invalid', 'a reason is one line of at most 1000 characters', {
    subject: '--reason',
    got: `${reason.length} characters`,
  });
}
