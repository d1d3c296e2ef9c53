import { join } from 'node:path';
import { type Check, type Finding, MlsignError, type OnProgress, throwIfAborted, verdictOf } from '../core/index.ts';
import type { StoreLocation } from '../store/index.ts';
import { advanceMark } from './advance-mark.ts';
import { FormatExaminer } from './check-formats.ts';
import { examineHashed } from './check-formats-local.ts';
import { readPrefix } from './check-prefix.ts';
import { checkPulled } from './check-pulled.ts';
import { prefixFindings } from './prefix-findings.ts';
import { proofOf } from './prove-objects.ts';
import { pullAttestations } from './pull-attestations.ts';
import { refuseReservedNames, writeLock, writeRecords } from './pull-records.ts';
import {
  clearRemains,
  clearStaging,
  hasRemains,
  notEmpty,
  occupants,
  type PullTarget,
  publishTarget,
  pullTarget,
  takeBack,
} from './pull-target.ts';
import { pulledAlready } from './pulled-already.ts';
import { remedyFor } from './remedy.ts';
import { stageAlone } from './stage-alone.ts';
import { stageFiles, syncDirectories } from './stage-files.ts';
import { storedEvidence } from './stored-evidence.ts';
import { isOpened, type OpenedModel, openStoredModel, type StoredModelOptions } from './stored-model.ts';
import { type ReleaseVerification, verificationOf } from './verify-release.ts';

/** How a release is pulled. */
export interface PullModelOptions extends StoredModelOptions {
  /** Where the lock file goes; `lock.json` in `<directory>.mlsign/` unless given. */
  readonly lockFile?: string | undefined;
  /** Whether what lies in the directory may be replaced. */
  readonly force?: boolean | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What a pull verified, and where the model is. */
export interface PulledModel extends ReleaseVerification {
  readonly directory: string;
  /** Absent where the model did not appear, or where there was no place for it. */
  readonly lockFile?: string | undefined;
}

/**
 * Pulls a release by its pinned versions: signatures first, then the bytes, into a place of its own; the directory appears,
 * or is filled, only when every byte is verified. What an interrupted pull left is used where it is right.
 *
 * @returns the verdict with all evidence; unless it is `verified`, nothing has appeared
 * @throws MlsignError `directory-not-empty`, `pull-in-progress`, `names-collide`, `disk-full`, `reference-missing`, and what the
 *   store throws
 */
export async function pullModel(location: StoreLocation, directory: string, options: PullModelOptions): Promise<PulledModel> {
  const target = await pullTarget(directory);
  const model = await openStoredModel(location, options);
  const base = { directory: target.directory, stored: { ...storedEvidence(model), files: [] } };
  if (!isOpened(model)) return { ...verificationOf(model, options, model.findings), ...base, checks: model.checks };
  refuseReservedNames(model);
  const already = await alreadyThere(target, model, options);
  const { lockFile, read, files, formats, unsigned, ...pulled } =
    already ?? (await stageAlone(target, options.signal, () => pullInto(target, model, options)));
  const mark = await advanceMark(model.channel, location, options.state);
  const checks = [...model.checks, ...pulled.checks, ...mark.checks];
  const findings = [...model.findings, ...pulled.findings, ...mark.findings];
  return {
    ...verificationOf(model, options, findings),
    directory: target.directory,
    lockFile,
    read,
    formats,
    ...(unsigned === undefined ? {} : { unsigned }),
    checks,
    stored: { ...base.stored, files },
  };
}

/** A directory that holds this very release already is left as it is: a pull may be repeated. */
async function alreadyThere(target: PullTarget, model: OpenedModel, options: PullModelOptions) {
  const inTheWay = await occupants(target);
  if (inTheWay.length === 0) return undefined;
  const examiner = new FormatExaminer(model.rule.formats, options.signal);
  const proofs = await pulledAlready(target, model, options, examineHashed(examiner));
  const formats = await examiner.finish();
  if (proofs === undefined && options.force) return undefined;
  if (proofs === undefined) throw notEmpty(target, inTheWay);
  if (await hasRemains(target)) await stageAlone(target, options.signal, () => clearRemains(target));
  const paths = model.contents.files.map(({ name }) => join(target.directory, name));
  const content = await checkPulled(model, proofs, paths, options, formats);
  const lock = await writeLock(target, model, options);
  const attested = await pullAttestations(model, attestationFolder(target, model, target.directory), options);
  const check: Check = {
    name: 'pull',
    status: 'passed',
    detail: 'the directory holds this release already, and every byte of it was verified',
  };
  return {
    ...content,
    checks: [...content.checks, check, ...attested.checks],
    findings: [...content.findings, ...lock.findings, ...attested.findings],
    lockFile: lock.lockFile,
  };
}

async function pullInto(target: PullTarget, model: OpenedModel, options: PullModelOptions) {
  const { store, signal, onProgress } = options;
  const { contents } = model;
  // Another pull may have been faster.
  const inTheWay = options.force ? [] : await occupants(target);
  if (inTheWay.length > 0) throw notEmpty(target, inTheWay);
  await takeBack(target);
  const staged = await stageFiles(target.files, contents.files);
  const fetches = contents.files.map(({ object, signed }, i) => ({
    object,
    path: staged.paths[i],
    ...contents.ranges,
    expected: signed.digests,
  }));
  const fetched = await store.fetch(fetches, { signal, onProgress });
  throwIfAborted(signal);
  const content = await checkPulled(model, fetched.map(proofOf), staged.paths, options);
  const findings = [...content.findings, ...(await prefixWarnings(model, options))];
  const verdict = verdictOf(findings);
  if (verdict !== 'verified') {
    // What is wrong is not worth keeping; what is missing may come the next time.
    if (verdict === 'rejected') await clearStaging(target, true);
    return { ...content, findings, lockFile: undefined };
  }
  const records = await writeRecords(target, model, options);
  const attested = await pullAttestations(model, attestationFolder(target, model, target.files), options);
  await syncDirectories(staged.directories);
  throwIfAborted(signal);
  await publishTarget(target, records.last);
  const check: Check = {
    name: 'pull',
    status: 'passed',
    detail: `every byte was verified before it appeared; signatures: ${records.bundles}`,
  };
  return {
    ...content,
    checks: [...content.checks, check, ...attested.checks],
    findings: [...findings, ...records.findings, ...attested.findings],
    lockFile: records.lockFile,
  };
}

/** Beside a directory; of a single file beside that, wherever it lies now. */
function attestationFolder({ directory }: PullTarget, { release, contents }: OpenedModel, files: string): string {
  return release.record.kind === 'directory' ? `${directory}.mlsign` : join(files, `${contents.files[0]?.name ?? ''}.mlsign`);
}

/** What a plain reader of the prefix would get is no reason to reject: pinned versions are pulled. */
async function prefixWarnings(model: OpenedModel, { store, signal }: PullModelOptions): Promise<readonly Finding[]> {
  const { location, release, contents } = model;
  const { number, modelId } = release.record;
  try {
    const state = await readPrefix(store, location, modelId, contents.files, signal);
    const findings = prefixFindings(state, [], { store, location, number, modelId, remedy: remedyFor(model) });
    return findings.map((finding) => ({ ...finding, severity: finding.severity === 'rejected' ? 'warning' : 'note' }));
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    return [];
  }
}
