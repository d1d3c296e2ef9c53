import type { Check, Finding } from '../core/index.ts';
import { layoutOf, locationText, type ObjectVersion, type Store, type StoreLocation, type VersionId } from '../store/index.ts';
import type { VerifiedStatement } from '../verify/index.ts';
import { releasesCommand, restoreCommand, shellWord } from './next-steps.ts';
import { MAX_RECORD_BYTES, parseReleaseRecord, type ReleaseRecord } from './record.ts';
import type { ReleaseTrust } from './trust.ts';
import { failure, type OpenedVersion, openVersion, type SignedDocument, sharingRoot, type Versions, versionsOf } from './versions.ts';

/** A release whose record passed every check. */
export interface VerifiedRelease {
  readonly record: ReleaseRecord;
  readonly statement: VerifiedStatement<ReleaseRecord>;
  /** SHA-256 of the record's bytes, hex. */
  readonly digest: string;
  readonly version: VersionId;
  /** Bytes of the record. */
  readonly size: number;
}

/** What became of a release: the record, or why there is none. */
export interface OpenedRelease {
  readonly release?: VerifiedRelease | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** How a release is opened. */
export interface OpenReleaseOptions {
  /** The record's digest, where a pointer names it. */
  readonly digest?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How many versions of a record are looked at; an honest one has one, and one more for each time it was restored. */
const MAX_RECORD_VERSIONS = 100;

/**
 * Opens the record of a release, under whatever was written over it: a record is never replaced, so the one that is signed is
 * it, and two of them reject.
 *
 * @throws MlsignError `interrupted`
 */
export async function openRelease(
  store: Store,
  location: StoreLocation,
  number: number,
  trust: ReleaseTrust,
  { digest, signal }: OpenReleaseOptions = {},
): Promise<OpenedRelease> {
  const key = layoutOf(location).release(number);
  const document: SignedDocument<ReleaseRecord> = {
    signers: trust.releases,
    evidence: sharingRoot(trust.evidence),
    maxBytes: MAX_RECORD_BYTES,
    parse: parseReleaseRecord,
    isForeign: (record, where) => otherRelease(location, number, record, where),
  };
  try {
    const versions = await versionsOf(store, key, MAX_RECORD_VERSIONS, signal);
    const search = await findRecords(store, versions, document, digest, signal);
    return conclude(location, number, versions, search, digest);
  } catch (error) {
    const finding = failure(error, `${store.url}/${key}`);
    return {
      checks: [{ name: 'release', status: 'could-not-run', detail: `${finding.subject}: ${finding.message}` }],
      findings: [finding],
    };
  }
}

/** What the versions of a record's key are. */
interface RecordSearch {
  /** Two at most, with different contents, the one asked for first. */
  readonly records: readonly VerifiedRelease[];
  readonly checks: readonly Check[];
  /** What is wrong with the version that a reader gets, or with the newest. */
  readonly wrong: readonly Finding[];
  /** Why some version could not be judged. */
  readonly open: readonly Finding[];
  readonly count: number;
}

/** One after the other, as each may be as large as a record may be. */
async function findRecords(
  store: Store,
  { entries, visible }: Versions,
  document: SignedDocument<ReleaseRecord>,
  digest: string | undefined,
  signal: AbortSignal | undefined,
): Promise<RecordSearch> {
  const written: readonly ObjectVersion[] = entries.filter(({ isDeleted }) => !isDeleted);
  const all = written.length === 0 && visible !== undefined ? [visible] : written;
  const records = new Map<string, VerifiedRelease>();
  const open: Finding[] = [];
  let checks: readonly Check[] = [];
  let wrong: readonly Finding[] | undefined;
  let count = 0;
  for (const entry of all) {
    const opened: OpenedVersion<ReleaseRecord> = await openVersion(store, entry, visible, document, signal);
    count++;
    open.push(...opened.findings.filter(({ severity }) => severity === 'undetermined'));
    const release = releaseOf(opened);
    if (release === undefined) {
      if (opened.isVisible || wrong === undefined) wrong = opened.findings;
      if (records.size === 0) checks = opened.checks;
    } else if (!records.has(release.digest)) {
      records.set(release.digest, release);
      if (records.size === 1 || release.digest === digest) checks = opened.checks;
    }
    if (records.size > 1) break;
  }
  const asked = [...records.values()].sort((a, b) => Number(b.digest === digest) - Number(a.digest === digest));
  return { records: asked, checks, wrong: wrong ?? [], open, count };
}

function releaseOf({ verified, entry, size }: OpenedVersion<ReleaseRecord>): VerifiedRelease | undefined {
  if (verified === undefined || size === undefined) return undefined;
  return { record: verified.statement, statement: verified, digest: verified.bundleDigest, version: entry.version, size };
}

function conclude(
  location: StoreLocation,
  number: number,
  versions: Versions,
  { records, checks, wrong, open, count }: RecordSearch,
  digest: string | undefined,
): OpenedRelease {
  const subject = locationText(location, { kind: 'release', number });
  const check = (status: Check['status'], detail: string): Check => ({ name: 'release', status, detail: `${subject}: ${detail}` });
  const [release, other] = records;
  if (release === undefined) {
    if (count > 0) return { checks, findings: wrong.map(asReleaser) };
    const finding = missing(location, subject, versions.entries.length > 0);
    return { checks: [check('could-not-run', finding.message)], findings: [finding] };
  }
  const bad = other !== undefined ? forked(location, subject, release, other) : replaced(location, subject, release, digest);
  if (bad !== undefined) return { checks: [...checks, check('failed', bad.message)], findings: [bad] };
  const history = historyEvidence(subject, versions, open, count, digest !== undefined);
  const hidden = versions.visible?.version === release.version ? [] : [notVisible(location, subject, number, versions, wrong)];
  const findings = [...history.findings, ...hidden.filter((finding) => finding !== undefined)];
  const passed = check('passed', `record ${release.digest}, model ${release.record.modelId}`);
  const isOpen = findings.some(({ severity }) => severity === 'undetermined');
  return { release: isOpen ? undefined : release, checks: [...checks, passed, ...history.checks], findings };
}

/** Whoever is trusted as a signer is not so as a releaser, where that is another. */
function asReleaser(finding: Finding): Finding {
  if (finding.code !== 'signer-untrusted' && finding.code !== 'signer-missing') return finding;
  return { ...finding, suggestion: 'if this signer may release models here, say so: --trust-release, or released-by in the policy' };
}

function missing({ url }: StoreLocation, subject: string, isDeleted: boolean): Finding {
  return {
    code: 'release-missing',
    severity: 'undetermined',
    message: isDeleted ? 'the record of this release was deleted, and no version of it is left' : 'there is no such release',
    subject,
    expected: 'a signed release record',
    got: 'nothing',
    suggestion: `see what there is: ${releasesCommand({ url })}`,
  };
}

function forked({ url }: StoreLocation, subject: string, release: VerifiedRelease, other: VerifiedRelease): Finding {
  return {
    code: 'release-forked',
    severity: 'rejected',
    message: 'two different records are signed with the same number',
    subject,
    expected: `record ${release.digest}, signed by ${release.statement.signer.description}`,
    got: `record ${other.digest}, signed by ${other.statement.signer.description}`,
    suggestion: `find out who signed two, and push the model again under a number of its own: mlsign push MODEL ${shellWord(url)}`,
  };
}

function replaced({ url }: StoreLocation, subject: string, release: VerifiedRelease, digest: string | undefined): Finding | undefined {
  if (digest === undefined || release.digest === digest) return undefined;
  return {
    code: 'release-replaced',
    severity: 'rejected',
    message: 'the record is another one than the pointer was signed for',
    subject,
    expected: digest,
    got: release.digest,
    suggestion: `see what there is: ${releasesCommand({ url })}`,
  };
}

/** What a reader gets in the place of the record, which was found among older versions. */
function notVisible(
  location: StoreLocation,
  subject: string,
  number: number,
  { visible, entries }: Versions,
  wrong: readonly Finding[],
): Finding | undefined {
  if (visible === undefined && entries.length === 0) return undefined;
  return {
    code: visible === undefined ? 'release-deleted' : 'release-overwritten',
    severity: 'warning',
    message: `the record was ${visible === undefined ? 'deleted' : 'written over'}; it was found among the older versions`,
    subject,
    got: visible === undefined ? 'a delete marker' : wrong[0]?.message,
    suggestion: `restore it: ${restoreCommand(location, number)}`,
  };
}

/** Whether every version was looked at: a second record would be among them. A pointer that names the record's digest does not need it. */
function historyEvidence(
  subject: string,
  { forbidden, isCut }: Versions,
  open: readonly Finding[],
  count: number,
  isPinned: boolean,
): OpenedRelease {
  const [reason] = [
    ...(forbidden === undefined ? open : [forbidden]).map(({ message }) => message),
    ...(isCut ? [`only the newest ${MAX_RECORD_VERSIONS} versions are read`] : []),
  ];
  if (reason === undefined) {
    const detail = `${subject}: ${count === 1 ? 'the only version' : `all ${count} versions`} of the record read`;
    return { checks: [{ name: 'release-history', status: 'passed', detail }], findings: [] };
  }
  const finding: Finding = {
    code: 'release-history-unread',
    severity: isPinned ? 'warning' : 'undetermined',
    message: `whether a second record has this number cannot be seen: ${reason}`,
    subject,
    suggestion: `allow s3:ListBucketVersions and s3:GetObjectVersion${isPinned ? '' : ', or name a channel, whose pointer names the record by its digest'}`,
  };
  return { checks: [{ name: 'release-history', status: 'could-not-run', detail: `${subject}: ${reason}` }], findings: [finding] };
}

/** A record of another model or number, put where it does not belong. */
function otherRelease({ name }: StoreLocation, number: number, record: ReleaseRecord, where: string): Finding | undefined {
  if (record.name === name && record.number === number) return undefined;
  return {
    code: 'release-other-name',
    severity: 'rejected',
    message: 'this record was signed for another release',
    subject: where,
    expected: `${name}@${number}`,
    got: `${record.name}@${record.number}`,
    suggestion: 'find out who put it there: a release is pushed under its own name',
  };
}
