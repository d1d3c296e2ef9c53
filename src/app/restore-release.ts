import {
  type Check,
  type Finding,
  MlsignError,
  type OnProgress,
  systemClock,
  throwIfAborted,
  type Verdict,
  verdictOf,
} from '../core/index.ts';
import { resolveRelease, type VerifiedRelease, versionsOf } from '../release/index.ts';
import {
  inParallel,
  type ObjectAttributes,
  type ObjectFetch,
  type PartedObject,
  READS_AT_ONCE,
  type StoredObject,
  type StoreLocation,
  type VersionId,
} from '../store/index.ts';
import { advanceMark } from './advance-mark.ts';
import { pinnedAttestation, pinnedBundle, pinnedFile, pinnedRecord } from './pinned-objects.ts';
import { distrustOf, type ObjectProof, type ProofOptions, proveObjects } from './prove-objects.ts';
import { type PrunedObject, prunePrefix } from './prune-prefix.ts';
import { channelClient, releaseTrust, ruleAt } from './release-trust.ts';
import type { StoredModelOptions } from './stored-model.ts';

/** Versions of one object that are looked through. */
const MOST_VERSIONS = 100;

/** How a release is restored. */
export interface RestoreReleaseOptions extends StoredModelOptions {
  /** How the new versions are stored. */
  readonly attributes?: ObjectAttributes | undefined;
  /** Whether only to tell what would be done. */
  readonly dryRun?: boolean | undefined;
  /** Whether other files in the release's prefix are hidden. */
  readonly prune?: boolean | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** One object of a release that is not what a plain reader gets. */
export interface RestoredObject {
  readonly key: string;
  /** What such a reader got before: other bytes, or nothing. */
  readonly was: 'replaced' | 'deleted';
  readonly pinned: VersionId;
  /** The version that is current now; absent where nothing was done. */
  readonly version?: VersionId | undefined;
}

/** What a restore did, or would do. */
export interface RestoredRelease {
  readonly verdict: Verdict;
  readonly isDryRun: boolean;
  /** Without a reference. */
  readonly url: string;
  readonly policy: { readonly source: string; readonly digest?: string | undefined; readonly rule: string };
  readonly release?: { readonly number: number; readonly digest: string; readonly modelId: string } | undefined;
  /** How many objects were looked at: files, bundles and the record. */
  readonly total: number;
  readonly objects: readonly RestoredObject[];
  /** Files that are not of the release, where these were to be hidden. */
  readonly pruned: readonly PrunedObject[];
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/**
 * Makes what a release pinned the current versions again where they were overwritten or deleted, and where asked to, hides what
 * else lies in its prefix; no version is removed. The release record is verified first, and the bytes of each object before it
 * is restored.
 *
 * @throws MlsignError `reference-missing`, and what the policy and the store throw
 */
export async function restoreRelease(location: StoreLocation, options: RestoreReleaseOptions): Promise<RestoredRelease> {
  const { store, policy, clock = systemClock, signal, dryRun = false } = options;
  const rule = ruleAt(policy, location);
  const client = channelClient(rule, location, options, clock);
  const { release, channel, checks, findings } = await resolveRelease(
    store,
    location,
    releaseTrust(rule, options, client.now),
    client,
    signal,
  );
  const mark = await advanceMark(channel, location, options.state);
  const base = {
    isDryRun: dryRun,
    url: location.url,
    policy: { source: policy.source, digest: policy.digest, rule: rule.name },
    checks: [...checks, ...mark.checks],
  };
  const opened = [...findings, ...mark.findings];
  if (release === undefined || verdictOf(opened) !== 'verified') {
    return { ...base, verdict: verdictOf(opened), total: 0, objects: [], pruned: [], findings: opened };
  }
  const { record, digest } = release;
  const pinned = pinnedObjects(location, release);
  const how: ProofOptions = { mode: 'auto', distrust: await distrustOf(store, rule, 'auto'), signal, onProgress: options.onProgress };
  const { wrong, lost: unfit } = await findWrong(pinned, how, options);
  const objects: RestoredObject[] = [];
  for (const { object, from, was } of wrong) {
    throwIfAborted(signal);
    const restored = dryRun ? undefined : await restoreObject(from, how, options);
    if (restored === 'damaged') unfit.push(cannotRestore(object));
    else objects.push({ key: object.key, was, pinned: object.version, version: restored?.version });
  }
  const pruned = options.prune ? await prunePrefix(store, location, record, { dryRun, signal }) : undefined;
  const all = [...opened, ...unfit, ...(pruned?.findings ?? [])];
  const check: Check = {
    name: 'store-objects',
    status: unfit.length > 0 ? 'failed' : 'passed',
    detail: `current versions compared with those of release ${record.number}: ${pinned.length}`,
  };
  return {
    ...base,
    verdict: verdictOf(all),
    release: { number: record.number, digest, modelId: record.modelId },
    total: pinned.length,
    objects,
    pruned: pruned?.objects ?? [],
    checks: [...base.checks, check, ...(pruned?.checks ?? [])],
    findings: all,
  };
}

/** Makes an object what it was; `damaged` where its version does not hold what was pinned, which only reading it tells. */
async function restoreObject(object: PartedObject, how: ProofOptions, options: RestoreReleaseOptions) {
  const { store, attributes, signal } = options;
  const put = (from: PartedObject) =>
    store.restore(from, attributes, signal).catch((error: unknown) => {
      if (error instanceof MlsignError && error.code === 'object-damaged') return 'damaged' as const;
      throw error;
    });
  const restored = await put(object);
  const other = restored === 'damaged' ? await equalVersion(object, how, options) : undefined;
  return other === undefined ? restored : put(other);
}

/** Another version of the same object with the bytes that were pinned, as after an earlier restore; the newest. */
async function equalVersion(object: PartedObject, how: ProofOptions, { store, signal }: RestoreReleaseOptions) {
  const { entries } = await versionsOf(store, object.key, MOST_VERSIONS, signal);
  const others = entries
    .filter(({ isDeleted, size, version }) => !isDeleted && size === object.size && version !== object.version)
    .map(({ version }) => ({ ...object, version }));
  const proofs = await proveObjects(store, others.map(inParts), how);
  return others.find((_, i) => isProven(object, proofs[i]));
}

/** Everything that a release is made of, the files first and the record last. */
function pinnedObjects(location: StoreLocation, release: VerifiedRelease): readonly PartedObject[] {
  const { record } = release;
  return [
    ...record.objects.map((object) => pinnedFile(location, record, object)),
    ...record.bundles.map((bundle) => pinnedBundle(location, record, bundle)),
    ...(record.attestations ?? []).map((attestation) => pinnedAttestation(location, record, attestation)),
    pinnedRecord(location, release),
  ];
}

interface WrongObject {
  readonly object: PartedObject;
  /** Where its bytes are: the pinned version, or where that is gone, another one of them. */
  readonly from: PartedObject;
  readonly was: RestoredObject['was'];
}

/** The objects whose current bytes are others, or none; without those that cannot be restored, which findings tell of. */
async function findWrong(pinned: readonly PartedObject[], how: ProofOptions, options: RestoreReleaseOptions) {
  const { store, signal } = options;
  const current = await inParallel(pinned, READS_AT_ONCE, signal, ({ key }) => store.current(key, signal));
  const isSame = await areSame(pinned, current, how, store);
  const wrong = pinned.flatMap((object, i): readonly WrongObject[] =>
    isSame[i] ? [] : [{ object, from: object, was: current[i] === undefined ? 'deleted' : 'replaced' }],
  );
  // A file that passes for a version is read in its place.
  const passing = new Set(pinned.filter(({ version }, i) => current[i]?.version === version));
  const others = wrong.filter(({ object }) => !passing.has(object));
  const proofs = await proveObjects(
    store,
    others.map(({ object }) => inParts(object)),
    how,
  );
  const lost = new Map(
    others.flatMap(({ object }, i) => (isProven(object, proofs[i]) ? [] : [[object, cannotRestore(object, proofs[i])] as const])),
  );
  const found = new Map<PartedObject, PartedObject>();
  for (const object of lost.keys()) {
    const other = await equalVersion(object, how, options);
    if (other !== undefined) found.set(object, other);
  }
  return {
    wrong: wrong.flatMap((each) => {
      const from = found.get(each.object) ?? (lost.has(each.object) ? undefined : each.object);
      return from === undefined ? [] : [{ ...each, from }];
    }),
    lost: [...lost].flatMap(([object, finding]) => (found.has(object) ? [] : [finding])),
  };
}

/**
 * Whether what is current is what is pinned, or another version of the same bytes, as after an earlier restore. In a directory,
 * another file may have been given the size and time of a version: there only its bytes tell.
 */
async function areSame(
  pinned: readonly PartedObject[],
  current: readonly (StoredObject | undefined)[],
  how: ProofOptions,
  store: RestoreReleaseOptions['store'],
): Promise<readonly boolean[]> {
  const same = pinned.map(({ version }, i) => store.kind === 's3' && current[i]?.version === version);
  const others = pinned.flatMap((object, at) => {
    const now = current[at];
    return same[at] || now?.size !== object.size ? [] : [{ at, object: { ...object, version: now.version } }];
  });
  const proofs = await proveObjects(
    store,
    others.map(({ object }) => inParts(object)),
    how,
  );
  others.forEach(({ at, object }, i) => {
    same[at] = isProven(object, proofs[i]);
  });
  return same;
}

/** Hashed as the release record has it; a file of no bytes has one part, and no shard. */
function inParts(object: PartedObject): ObjectFetch {
  return { object, algorithm: 'sha256', shardSize: object.size === 0 ? undefined : object.partSize };
}

function isProven({ size, parts }: PartedObject, proof: ObjectProof | undefined): boolean {
  if (proof?.kind !== 'hashed') return proof?.kind === 'attested';
  return proof.size === size && proof.digests.length === parts.length && proof.digests.every((digest, i) => digest === parts[i]);
}

function cannotRestore({ key, version }: PartedObject, proof?: ObjectProof): Finding {
  const base = { subject: key, expected: `version ${version}`, suggestion: 'push the model again, or roll back to another release' };
  if (proof?.kind === 'failed' && proof.error.code !== 'object-missing') {
    return { ...base, code: proof.error.code, severity: 'undetermined', message: `cannot be restored: ${proof.error.message}` };
  }
  const got = proof?.kind === 'failed' ? 'nothing' : 'other bytes';
  return { ...base, code: 'object-lost', severity: 'rejected', message: 'cannot be restored: what was pinned is not there any more', got };
}
