import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  type Check,
  type Finding,
  MlsignError,
  type OnProgress,
  refused,
  sha256Hex,
  throwIfAborted,
  verdictOf,
  writeFileAtomic,
} from '../core/index.ts';
import { MAX_BUNDLE_BYTES } from '../formats/index.ts';
import { layoutOf, type StoreLocation, underLock } from '../store/index.ts';
import { advanceMark } from './advance-mark.ts';
import { readPrefix } from './check-prefix.ts';
import { checkStoredContent } from './check-stored-content.ts';
import { SIGNATURE_NAME } from './locations.ts';
import { lockDocument } from './lock-document.ts';
import { prefixFindings } from './prefix-findings.ts';
import type { ObjectProof } from './prove-objects.ts';
import { clearStaging, emptyTarget, type PullTarget, publishTarget, pullTarget } from './pull-target.ts';
import { remedyFor } from './remedy.ts';
import { stageFiles, syncDirectories } from './stage-files.ts';
import { openStoredModel, type SignedContents, type StoredModel, type StoredModelOptions } from './stored-model.ts';
import { type ReleaseVerification, storedEvidence, verificationOf } from './verify-release.ts';

/** How a release is pulled. */
export interface PullModelOptions extends StoredModelOptions {
  /** Where the lock file goes; `lock.json` in `<directory>.mlsign/` unless given. */
  readonly lockFile?: string | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What a pull verified, and where the model is. */
export interface PulledModel extends ReleaseVerification {
  readonly directory: string;
  /** Absent where the model did not appear, or where there was no place for it. */
  readonly lockFile?: string | undefined;
}

/** A bundle's bytes, and where they go. */
interface PulledBundle {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Pulls a release by its pinned versions: signatures first, then the bytes, into a place of its own; the directory appears,
 * or is filled, only when every byte is verified. What an interrupted pull left is used where it is right.
 *
 * @returns the verdict with all evidence; unless it is `verified`, nothing has appeared
 * @throws MlsignError `directory-not-empty`, `names-collide`, `disk-full`, `reference-missing`, and what the store throws
 */
export async function pullModel(location: StoreLocation, directory: string, options: PullModelOptions): Promise<PulledModel> {
  const target = await pullTarget(directory);
  const model = await openStoredModel(location, options);
  const { contents } = model;
  const base = { directory: target.directory, stored: { ...storedEvidence(model), files: [] } };
  if (contents === undefined) {
    return { ...verificationOf(model, options, model.findings), ...base, checks: model.checks };
  }
  refuseReservedNames(contents, model);
  const pulled = await underLock(
    target.staging,
    async () => void (await mkdir(target.staging, { recursive: true })),
    options.signal,
    () => pullInto(target, model, contents, options),
  ).finally(() => clearStaging(target, false));
  const mark = await advanceMark(model.channel, location, options.state);
  const checks = [...model.checks, ...pulled.checks, ...mark.checks];
  const findings = [...model.findings, ...pulled.findings, ...mark.findings];
  return {
    ...verificationOf(model, options, findings),
    ...base,
    read: pulled.read,
    checks,
    stored: { ...base.stored, files: pulled.files },
    lockFile: pulled.lockFile,
  };
}

async function pullInto(target: PullTarget, model: StoredModel, contents: SignedContents, options: PullModelOptions) {
  const { store, signal, onProgress } = options;
  const { location, release } = model;
  const number = release?.record.number ?? 0;
  const kind = release?.record.kind ?? 'directory';
  // Another pull may have been faster.
  await emptyTarget(target);
  const staged = await stageFiles(target.files, contents.files);
  const { hashType: algorithm, shardSize } = contents.manifest.serialization;
  const fetches = contents.files.map(({ object }, i) => ({ object, path: staged.paths[i] ?? '', algorithm, shardSize }));
  const fetched = await store.fetch(fetches, { signal, onProgress });
  const proofs = fetched.map(
    (file): ObjectProof => ('error' in file ? { kind: 'failed', error: file.error } : { kind: 'hashed', ...file }),
  );
  const remedy = await remedyFor(model, options);
  const content = checkStoredContent(contents, proofs, { number, kind, location, remedy });
  const prefix = await prefixWarnings(model, contents, remedy, options);
  const findings = [...content.findings, ...prefix];
  if (verdictOf(findings) !== 'verified') {
    // What is wrong is not worth keeping; what is missing may come the next time.
    if (verdictOf(findings) === 'rejected') await clearStaging(target, true);
    return { ...content, findings, lockFile: undefined };
  }
  throwIfAborted(signal);
  const { last, written, lockFile, warnings } = await writeRecords(target, model, contents, options);
  await syncDirectories(staged.directories);
  throwIfAborted(signal);
  await publishTarget(target, last);
  const check: Check = { name: 'pull', status: 'passed', detail: `every byte was verified before it appeared; bundles: ${written}` };
  return { ...content, checks: [...content.checks, check], findings: [...findings, ...warnings], lockFile };
}

/** What a plain reader of the prefix would get does not matter here: pinned versions are pulled. */
async function prefixWarnings(
  model: StoredModel,
  { candidate, files }: SignedContents,
  remedy: string,
  options: PullModelOptions,
): Promise<readonly Finding[]> {
  const { store, signal } = options;
  const { location, release } = model;
  const number = release?.record.number ?? 0;
  try {
    const state = await readPrefix(store, location, candidate.modelId, files, signal);
    const findings = prefixFindings(state, [], { store, location, number, modelId: candidate.modelId, remedy });
    return findings.map((finding) => ({ ...finding, severity: finding.severity === 'rejected' ? 'warning' : 'note' }));
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    return [];
  }
}

/** Bundles and the lock file; those beside the directory as far as there is a place for them. */
async function writeRecords(target: PullTarget, model: StoredModel, contents: SignedContents, options: PullModelOptions) {
  const companion = `${target.directory}.mlsign`;
  const { last, inside, beside } = await placeBundles(target, model, contents, companion, options);
  for (const { path, bytes } of inside) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes, { flush: true });
  }
  const lock = {
    path: options.lockFile ?? join(companion, 'lock.json'),
    bytes: Buffer.from(`${JSON.stringify(lockDocument(options.store, model, contents), null, 2)}\n`),
  };
  const warnings: Finding[] = [];
  const missed = await writeBeside(companion, options.lockFile === undefined ? [...beside, lock] : beside);
  if (missed !== undefined) warnings.push(companionMissing(missed, companion, beside.length));
  if (options.lockFile !== undefined) await writeFileAtomic(options.lockFile, lock.bytes, { what: 'lock file', overwrite: true });
  const lockFile = options.lockFile !== undefined || missed === undefined ? lock.path : undefined;
  return { last, written: inside.length + (missed === undefined ? beside.length : 0), lockFile, warnings };
}

async function writeBeside(companion: string, files: readonly PulledBundle[]): Promise<MlsignError | undefined> {
  if (files.length === 0) return undefined;
  try {
    await mkdir(companion, { recursive: true });
    for (const { path, bytes } of files) await writeFileAtomic(path, bytes, { what: basename(path), overwrite: true });
    return undefined;
  } catch (error) {
    const reason =
      error instanceof MlsignError
        ? error
        : new MlsignError('unavailable', 'permission-denied', error instanceof Error ? error.message : 'it cannot be written');
    return reason;
  }
}

async function placeBundles(
  target: PullTarget,
  { location, release }: StoredModel,
  { candidate, files }: SignedContents,
  companion: string,
  options: PullModelOptions,
) {
  const { store, signal } = options;
  const isFile = release?.record.kind === 'file';
  const single = files[0]?.name ?? '';
  const own = isFile ? `${single}.sig` : SIGNATURE_NAME;
  const folder = isFile ? join(target.files, `${single}.mlsign`) : companion;
  const inside: PulledBundle[] = [];
  const beside: PulledBundle[] = [];
  for (const [i, { digest, version, size }] of (release?.record.bundles ?? []).entries()) {
    const key = layoutOf(location).bundle(candidate.modelId, digest);
    const bytes = await store.read({ key, version }, Math.min(size, MAX_BUNDLE_BYTES), signal);
    if (sha256Hex(bytes) !== digest)
      throw refused('bundle-changed', 'a bundle is not the one that was released', { subject: key, expected: digest });
    const path = i === 0 ? join(target.files, own) : join(folder, `${digest.slice(0, 16)}.sig`);
    (i === 0 || isFile ? inside : beside).push({ path, bytes });
  }
  return { last: own, inside, beside };
}

/** Names that the model's own signature needs. */
function refuseReservedNames({ files }: SignedContents, { release }: StoredModel): void {
  const isFile = release?.record.kind === 'file';
  const taken = isFile ? undefined : files.find(({ name }) => name === SIGNATURE_NAME || name.startsWith(`${SIGNATURE_NAME}/`));
  if (taken === undefined) return;
  throw refused('signature-name-taken', 'the model has a file where its signature belongs', {
    subject: taken.name,
    suggestions: ['have the model signed again with a newer signer'],
  });
}

function companionMissing(error: MlsignError, companion: string, bundles: number): Finding {
  const also = bundles === 0 ? '' : ` and ${bundles} further ${bundles === 1 ? 'signature' : 'signatures'}`;
  return {
    code: 'companion-not-written',
    severity: 'warning',
    message: `there is no place for the lock file${also} beside the directory: ${error.message}`,
    subject: companion,
    suggestion: 'give --lock-file a place that can be written',
  };
}
