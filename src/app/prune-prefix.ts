import { type Check, errorFinding, type Finding, MlsignError } from '../core/index.ts';
import type { ReleaseRecord } from '../release/index.ts';
import {
  type HistoryEntry,
  inParallel,
  layoutOf,
  NULL_VERSION,
  READS_AT_ONCE,
  type Store,
  type StoreLocation,
  type VersionId,
} from '../store/index.ts';

/** Enough for one run; more is found by the next. */
const MOST_PRUNED = 100_000;

/** What some servers and proxies take for another key. */
const CLIMBS = /(^|\/)\.\.?(\/|$)/;

/** One file in a release's prefix that is not of the release. */
export interface PrunedObject {
  readonly key: string;
  /** What a plain reader got. */
  readonly version: VersionId;
  /** The delete marker that hides it; absent where nothing was done. */
  readonly marker?: VersionId | undefined;
}

/** Files of a prefix that are hidden, and those that are not, which findings tell of. */
export interface PrunedPrefix {
  readonly objects: readonly PrunedObject[];
  readonly findings: readonly Finding[];
  readonly checks: readonly Check[];
}

/**
 * Hides what lies in a model's prefix and is not of its release, by delete markers: every version stays.
 *
 * @throws MlsignError what the store throws for a listing, `bucket-unversioned`
 */
export async function prunePrefix(
  store: Store,
  location: StoreLocation,
  record: ReleaseRecord,
  { dryRun, signal }: { readonly dryRun: boolean; readonly signal?: AbortSignal | undefined },
): Promise<PrunedPrefix> {
  const { extra, more } = await findExtra(store, location, record, signal);
  const results = await inParallel(extra, READS_AT_ONCE, signal, async (file, either) => {
    const subject = `${store.url}/${file.key}`;
    if (!file.isKept || CLIMBS.test(file.key)) return byHand(subject, record.number, file.isKept);
    try {
      return { key: file.key, version: file.version, marker: dryRun ? undefined : await store.hide(file.key, either) };
    } catch (error) {
      if (!(error instanceof MlsignError) || error.outcome !== 'refused' || error.code === 'bucket-unversioned') throw error;
      return errorFinding(error, subject);
    }
  });
  const objects = results.filter((result) => 'key' in result);
  const findings: Finding[] = results.filter((result) => 'code' in result);
  if (more > 0) {
    findings.push({
      code: 'object-extra',
      severity: 'rejected',
      message: `${more} more files in the prefix are not part of release ${record.number}`,
      subject: `${store.url}/${layoutOf(location).files(record.modelId)}`,
      suggestion: 'run the same command again',
    });
  }
  const check: Check = {
    name: 'store-prefix',
    status: findings.length > 0 ? 'failed' : 'passed',
    detail: `files in the prefix that are not of release ${record.number}: ${extra.length + more}, ${dryRun ? 'to remove' : 'removed'}: ${objects.length}`,
  };
  return { objects, findings, checks: [check] };
}

interface ExtraFile extends Pick<HistoryEntry, 'key' | 'version'> {
  /** Whether each of its versions stays when it is hidden. */
  isKept: boolean;
}

/** The first files of the prefix that a plain reader gets and the release does not list, and how many more there are. */
async function findExtra(store: Store, location: StoreLocation, { modelId, objects }: ReleaseRecord, signal: AbortSignal | undefined) {
  const layout = layoutOf(location);
  const own = new Set(objects.map(({ name }) => layout.file(modelId, name)));
  const extra: ExtraFile[] = [];
  let more = 0;
  for await (const { key, version, isCurrent, isDeleted } of store.history(layout.files(modelId), signal)) {
    if (own.has(key)) continue;
    const last = extra.at(-1);
    // A bucket whose versioning is suspended lets its marker take the place of the version that has no id.
    if (last?.key === key && version === NULL_VERSION) last.isKept = false;
    if (!isCurrent || isDeleted) continue;
    if (extra.length < MOST_PRUNED) extra.push({ key, version, isKept: version !== NULL_VERSION });
    else more++;
  }
  return { extra, more };
}

function byHand(subject: string, number: number, isKept: boolean): Finding {
  const reason = isKept ? 'its name could be taken for that of another object' : 'without a version id, it could be lost for good';
  return {
    code: 'object-extra',
    severity: 'rejected',
    message: `not part of release ${number}, and not removed: ${reason}`,
    subject,
    suggestion: 'look at it, then remove it by hand',
  };
}
