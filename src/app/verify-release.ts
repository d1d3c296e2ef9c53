import type { OnProgress } from '../core/index.ts';
import { type Check, type Finding, throwIfAborted, verdictOf } from '../core/index.ts';
import { rootDigest } from '../formats/index.ts';
import type { ObjectFetch, PartedObject, StoreLocation } from '../store/index.ts';
import { advanceMark } from './advance-mark.ts';
import { checkStoredFormats } from './check-formats-stored.ts';
import { type PrefixState, readPrefix } from './check-prefix.ts';
import { checkStoredArchive } from './check-stored-archive.ts';
import { checkStoredContent } from './check-stored-content.ts';
import { type PrefixFindingOptions, prefixFindings } from './prefix-findings.ts';
import { distrustOf, type EvidenceMode, type ObjectProof, type ProofOptions, proveObjects } from './prove-objects.ts';
import { remedyFor } from './remedy.ts';
import { asked, type StoredEvidence, storedEvidence } from './stored-evidence.ts';
import { isOpened, type OpenedModel, openStoredModel, type StoredModel, type StoredModelOptions } from './stored-model.ts';
import { judged, type Verification } from './verify-model.ts';

/** How a release is verified where it lies. */
export interface VerifyReleaseOptions extends StoredModelOptions {
  /** `auto` unless given. */
  readonly mode?: EvidenceMode | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** The verification of a release where it lies. */
export interface ReleaseVerification extends Verification {
  readonly stored: StoredEvidence;
}

/**
 * Verifies a release where it lies: may it be deployed from there? Names are resolved once, signatures come before bytes, and
 * what a plain reader of the prefix would get must be exactly the release.
 *
 * @returns the verdict with all evidence; a failed check is a finding, never an exception
 * @throws MlsignError `reference-missing`, a policy without a matching rule, a store that cannot be reached
 */
export async function verifyRelease(location: StoreLocation, options: VerifyReleaseOptions): Promise<ReleaseVerification> {
  const model = await openStoredModel(location, options);
  const { signal } = options;
  const content = isOpened(model) ? await checkContents(model, options) : skippedContent();
  throwIfAborted(signal);
  const mark = await advanceMark(model.channel, location, options.state);
  const checks = [...model.checks, ...content.checks, ...mark.checks];
  const findings = [...model.findings, ...content.findings, ...mark.findings];
  return {
    ...verificationOf(model, options, findings),
    read: content.read,
    formats: content.formats,
    ...(content.unsigned === undefined ? {} : { unsigned: content.unsigned }),
    checks,
    stored: { ...storedEvidence(model), files: content.files },
  };
}

/** The parts of a verification that the signatures alone decide. */
export function verificationOf(model: StoredModel, { policy }: StoredModelOptions, findings: readonly Finding[]) {
  const { location, rule, release, opened, contents } = model;
  const { candidate } = contents ?? {};
  const statement = candidate?.statements[0].statement;
  return {
    verdict: verdictOf(findings),
    source: { kind: release?.record.kind ?? 'directory', path: asked(location), name: location.name },
    policy: { source: policy.source, digest: policy.digest, rule: rule.name },
    revocations: model.revocations,
    lineage: model.lineage,
    attestations: model.attestations,
    signatures: judged(opened?.signatures ?? [], candidate),
    ...(candidate === undefined || statement === undefined
      ? {}
      : {
          signed: {
            name: statement.subjectName,
            manifest: statement.manifest,
            modelId: candidate.modelId,
            modelDigest: rootDigest(statement.manifest.resources),
          },
        }),
    unsigned: { ignored: [], empty: [], extra: [] },
    findings,
  };
}

function skippedContent() {
  const skipped: Check = {
    name: 'model-content',
    status: 'skipped',
    detail: 'no byte was read, because what comes before it did not pass',
  };
  return { checks: [skipped], findings: [], files: [], read: undefined, formats: undefined, unsigned: undefined };
}

async function checkContents(model: OpenedModel, options: VerifyReleaseOptions) {
  const { store, mode = 'auto', signal, onProgress } = options;
  const { location, rule, release, contents } = model;
  const { files } = contents;
  const { number, kind, modelId } = release.record;
  const distrust = mode === 'full' ? undefined : await distrustOf(store, rule, mode);
  const asSigned = (object: PartedObject): ObjectFetch => ({ object, ...contents.ranges });
  const how: ProofOptions = { mode, distrust, signal, onProgress };
  const state = await readPrefix(store, location, modelId, files, signal);
  const about: PrefixFindingOptions = { store, location, number, modelId, remedy: remedyFor(model) };
  const inPrefix = async () => prefixFindings(state, await proveReplaced(state.replaced, asSigned, how, options), about);
  if (kind === 'archive') {
    const content = await checkStoredArchive(model, { ...how, store, archiveLimits: options.archiveLimits });
    const beside = await inPrefix();
    return { ...content, checks: [...content.checks, prefixCheck(beside)], findings: [...content.findings, ...beside] };
  }
  const [proofs, formats] = await Promise.all([
    proveObjects(
      store,
      files.map(({ object, signed }) => ({ ...asSigned(object), expected: signed.digests })),
      how,
    ),
    checkStoredFormats(store, files, rule, mode, signal),
  ]);
  const content = checkStoredContent(contents, proofs, { number, remedy: about.remedy, kind, location });
  const beside = await inPrefix();
  return {
    ...content,
    unsigned: undefined,
    formats: formats.evidence,
    checks: [...content.checks, prefixCheck(beside), formats.check],
    findings: [...content.findings, ...beside, ...formats.findings],
  };
}

/** The bytes that a plain reader gets in the place of pinned ones: after a restore they are the same. */
async function proveReplaced(
  replaced: PrefixState['replaced'],
  asSigned: (object: PartedObject) => ObjectFetch,
  how: ProofOptions,
  { store }: VerifyReleaseOptions,
): Promise<readonly ObjectProof[]> {
  const sameSize = replaced.filter(({ file, current }) => current.size === file.object.size);
  const objects = sameSize.map(({ file, current }) => asSigned({ ...file.object, version: current.version }));
  const proofs = await proveObjects(store, objects, how);
  const known = new Map(sameSize.map((pair, i) => [pair, proofs[i]]));
  return replaced.map((pair): ObjectProof => {
    const { file, current } = pair;
    return known.get(pair) ?? { kind: 'differs', expected: `${file.object.size} bytes`, got: `${current.size} bytes` };
  });
}

function prefixCheck(findings: readonly Finding[]): Check {
  const verdict = verdictOf(findings);
  const wrong = findings.filter(({ severity }) => severity === 'rejected').length;
  const details = {
    verified: 'a plain reader of the prefix gets exactly the release',
    rejected: `what a plain reader of the prefix gets is not the release: ${wrong} ${wrong === 1 ? 'difference' : 'differences'}`,
    undetermined: 'the current versions of the files were compared; other files were not looked for',
  };
  return {
    name: 'store-prefix',
    status: verdict === 'verified' ? 'passed' : verdict === 'rejected' ? 'failed' : 'could-not-run',
    detail: details[verdict],
  };
}
