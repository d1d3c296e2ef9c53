import { basename } from 'node:path';
import { type Check, type Finding, MlsignError, readCapped } from '../core/index.ts';
import type { SignerGroups } from '../policy/index.ts';
import { failure, type Mark, openVersion, type SignedDocument, versionsOf } from '../release/index.ts';
import { type CurrentObject, type HistoryEntry, layoutOf, type ObjectVersion, type Store } from '../store/index.ts';
import { type EnvelopeOptions, type OpenedStatement, openStatement, type VerifiedStatement } from '../verify/index.ts';
import { judgeRevocations } from './judge-revocations.ts';
import { MAX_REVOCATIONS_BYTES, parseRevocations, type RevocationList } from './revocations.ts';

/** A list, and where it is. */
export type RevocationSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'store'; readonly store: Store; readonly prefix: string };

/** Whose list counts, what it is called, and what is known of it. */
export interface RevocationTrust {
  readonly signers: SignerGroups;
  /** As {@link listName} gives it, or the policy. */
  readonly name: string;
  readonly evidence: EnvelopeOptions;
  /** What this client has seen of it. */
  readonly mark?: Mark | undefined;
}

/** A list that its revoker has signed. */
export interface SignedRevocations {
  readonly list: RevocationList;
  /** SHA-256 of its bytes, hex. */
  readonly digest: string;
  /** In words. */
  readonly signer: string;
}

/** What became of a list. */
export interface OpenedRevocations {
  /** Where it is: a path, or the name of an object. */
  readonly subject: string;
  /** The newest one that a revoker has signed, whatever else is wrong: what it revokes is revoked. */
  readonly signed?: SignedRevocations | undefined;
  /** Whether that is what a reader gets. */
  readonly isCurrent: boolean;
  /** What a reader gets, sound or not; `unknown` where that could not be asked. */
  readonly present: { readonly kind: 'absent' | 'file' | 'unknown' } | { readonly kind: 'object'; readonly object: CurrentObject };
  readonly checks: readonly Check[];
  /** None that rejects or leaves the answer open where the list can be relied on. */
  readonly findings: readonly Finding[];
}

const GET = 'get the list that the revoker signed, and find out who wrote this one';
/** The most versions of a list that are looked at, and bytes of them: the newest ones. */
const MOST_VERSIONS = 1000;
const MOST_BYTES = 8 * MAX_REVOCATIONS_BYTES;

/** The logical name of a list by its place: the last part of the prefix, the bucket or directory, or the file without `.json`. */
export function listName(source: RevocationSource): string {
  const text = source.kind === 'file' ? basename(source.path, '.json') : basename(`${source.store.url}/${source.prefix}`);
  return text.replaceAll(/[\p{Cc}@/\\]/gu, '-') || 'revocations';
}

/** Where a list is, in words. */
export function listPlace(source: RevocationSource): string {
  return source.kind === 'file' ? source.path : `${source.store.url}/${keyOf(source.prefix)}`;
}

/** The key of a store's list. */
export function keyOf(prefix: string): string {
  return layoutOf({ prefix, name: '' }).revocations;
}

/**
 * Opens a revocation list: the one that a reader gets, verified under the revoker's role, and judged by its time, by what this
 * client has seen, and, in a store, by its own history. A list that is missing, expired or not the revoker's leaves the answer open.
 *
 * @throws MlsignError `interrupted`
 */
export async function openRevocations(source: RevocationSource, trust: RevocationTrust, signal?: AbortSignal): Promise<OpenedRevocations> {
  if (source.kind === 'file') return openFile(source.path, trust);
  try {
    return await openObject(source.store, source.prefix, trust, signal);
  } catch (error) {
    const subject = listPlace(source);
    return unusable(subject, { kind: 'unknown' }, [], [failure(error, subject)]);
  }
}

async function openFile(path: string, trust: RevocationTrust): Promise<OpenedRevocations> {
  let bytes: Uint8Array;
  try {
    bytes = await readCapped(path, MAX_REVOCATIONS_BYTES, 'revocation list');
  } catch (error) {
    const isAbsent = error instanceof MlsignError && error.code === 'file-not-found';
    const finding = isAbsent ? missing(path, 'there is no revocation list', 'nothing') : failure(error, path);
    return unusable(path, isAbsent ? { kind: 'absent' } : { kind: 'file' }, [], [finding]);
  }
  const opened = await openStatement(bytes, path, trust.signers, parseRevocations, trust.evidence);
  const foreign = opened.verified && otherName(trust, opened.verified.statement, path);
  const { checks, findings } = opened;
  if (opened.verified === undefined || foreign !== undefined) {
    return unusable(path, { kind: 'file' }, checks, foreign === undefined ? findings : [foreign]);
  }
  return judged(path, { kind: 'file' }, checks, opened.verified, [], trust);
}

async function openObject(store: Store, prefix: string, trust: RevocationTrust, signal?: AbortSignal): Promise<OpenedRevocations> {
  const key = keyOf(prefix);
  const subject = `${store.url}/${key}`;
  const document: SignedDocument<RevocationList> = {
    signers: trust.signers,
    evidence: trust.evidence,
    maxBytes: MAX_REVOCATIONS_BYTES,
    parse: parseRevocations,
    isForeign: (list) => otherName(trust, list, subject),
  };
  const versions = await versionsOf(store, key, MOST_VERSIONS, signal);
  // Not asked for again: a condition on what came since would overwrite entries that were never read.
  const current = versions.visible;
  const listed = newestWithin(versions.entries.filter(({ isDeleted }) => !isDeleted));
  const all: readonly ObjectVersion[] = versions.forbidden === undefined ? listed : versions.visible ? [versions.visible] : [];
  // One after the other, and only the best of them kept: each may be as large as a list may be.
  const history: Mark[] = [];
  const unread: Finding[] = [];
  let visible: Pick<OpenedStatement, 'checks' | 'findings'> = { checks: [], findings: [] };
  let currentList: VerifiedStatement<RevocationList> | undefined;
  let best: VerifiedStatement<RevocationList> | undefined;
  for (const entry of all) {
    const { verified, isVisible, checks, findings } = await openVersion(store, entry, versions.visible, document, signal);
    if (isVisible) visible = { checks, findings };
    if (isVisible) currentList = verified;
    unread.push(...findings.filter(({ severity }) => severity === 'undetermined'));
    if (verified === undefined) continue;
    history.push({ sequence: verified.statement.sequence, digest: verified.bundleDigest });
    if (verified.statement.sequence > (best?.statement.sequence ?? 0)) best = verified;
  }
  const present: OpenedRevocations['present'] = current === undefined ? { kind: 'absent' } : { kind: 'object', object: current };
  const isCut = versions.isCut || listed.length < versions.entries.filter(({ isDeleted }) => !isDeleted).length;
  if (currentList !== undefined) {
    const evidence = historyFindings(subject, versions.forbidden ?? unread[0], isCut, trust.mark !== undefined);
    const opened = judged(subject, present, [...visible.checks, evidence.check], currentList, history, trust);
    const newest = best !== undefined && best !== currentList ? signedOf(best) : opened.signed;
    return { ...opened, signed: newest, isCurrent: best === currentList, findings: [...evidence.findings, ...opened.findings] };
  }
  const got = best === undefined ? 'nothing' : `in its history: sequence ${best.statement.sequence}`;
  const isDeleted = current === undefined && versions.entries.length > 0;
  const lacking = missing(subject, isDeleted ? 'the revocation list was deleted' : 'there is no revocation list', got);
  const opened = unusable(subject, present, visible.checks, current === undefined ? [lacking] : visible.findings);
  return { ...opened, signed: best && signedOf(best) };
}

/** As many of the newest as may be read. */
function newestWithin(entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  let room = MOST_BYTES;
  const past = entries.findIndex(({ size }) => {
    room -= Math.min(size, MAX_REVOCATIONS_BYTES);
    return room < 0;
  });
  return past === -1 ? entries : entries.slice(0, past);
}

function judged(
  subject: string,
  present: OpenedRevocations['present'],
  opened: readonly Check[],
  verified: VerifiedStatement<RevocationList>,
  history: readonly Mark[],
  { mark, evidence }: RevocationTrust,
): OpenedRevocations {
  const { statement: list, bundleDigest: digest } = verified;
  const { checks, findings } = judgeRevocations({ list, digest, subject, now: evidence.now, mark, history });
  return { subject, signed: signedOf(verified), isCurrent: true, present, checks: [...opened, ...checks], findings };
}

function signedOf({ statement: list, bundleDigest: digest, signer }: VerifiedStatement<RevocationList>): SignedRevocations {
  return { list, digest, signer: signer.description };
}

/** A list on which nobody can rely leaves the answer open, whatever is wrong with it. */
function unusable(
  subject: string,
  present: OpenedRevocations['present'],
  checks: readonly Check[],
  found: readonly Finding[],
): OpenedRevocations {
  const reasons = found.length > 0 ? found : [missing(subject, 'the revocation list cannot be read', 'another list, meanwhile')];
  const findings = reasons.map((finding): Finding => {
    const isOther = finding.code === 'signer-untrusted' || finding.code === 'signer-missing';
    const open = { ...finding, severity: 'undetermined', suggestion: finding.suggestion ?? GET } as const;
    if (!isOther) return open;
    const message = 'the revocation list is not signed by a revoker';
    return {
      ...open,
      code: 'revocations-wrong-signer',
      message,
      suggestion: GET,
    };
  });
  const check: Check = { name: 'revocations', status: 'could-not-run', detail: `${subject}: ${findings[0]?.message}` };
  return { subject, isCurrent: false, present, checks: [...checks, check], findings };
}

function missing(subject: string, message: string, got: string): Finding {
  return {
    code: 'revocations-missing',
    severity: 'undetermined',
    message: `${message}: what is revoked cannot be told`,
    subject,
    expected: 'a list signed by the revoker',
    got,
    suggestion: 'put the newest list there; for a first one: mlsign revoke --init --expires 30d',
  };
}

/** A list of another place, put where it does not belong: it may lack what this one revokes. */
function otherName({ name }: RevocationTrust, list: RevocationList, subject: string): Finding | undefined {
  if (list.name === name) return undefined;
  return {
    code: 'revocations-other-name',
    severity: 'undetermined',
    message: 'this revocation list was signed for another place',
    subject,
    expected: name,
    got: list.name,
    suggestion: 'get the list of this place; where this is the one, say so in the policy: revocations: { name: … }',
  };
}

/** How much of the list's history was looked at. A client that has seen a sequence can do without it. */
function historyFindings(subject: string, unread: Pick<Finding, 'message'> | undefined, isCut: boolean, isKnown: boolean) {
  const reason = unread?.message ?? (isCut ? 'it is longer than what is read' : undefined);
  const status = reason === undefined ? 'passed' : 'could-not-run';
  const check: Check = { name: 'revocations-history', status, detail: `${subject}: ${reason ?? 'every version of the list was read'}` };
  if (reason === undefined) return { check, findings: [] };
  const finding: Finding = {
    code: 'revocations-history-unread',
    severity: isKnown ? 'warning' : 'undetermined',
    message: `whether an older revocation list was put back cannot be seen from its history: ${reason}`,
    subject,
    suggestion: 'allow s3:ListBucketVersions and s3:GetObjectVersion, and keep a state file (--state FILE)',
  };
  return { check, findings: [finding] };
}
