import type { OnProgress } from '../core/index.ts';
import { type Check, type Finding, throwIfAborted, verdictOf } from '../core/index.ts';
import { rootDigest } from '../formats/index.ts';
import { locationText, type StoreLocation, type VersionId } from '../store/index.ts';
import { advanceMark } from './advance-mark.ts';
import { readPrefix } from './check-prefix.ts';
import { checkStoredContent, type FileEvidence } from './check-stored-content.ts';
import { type PrefixFindingOptions, prefixFindings } from './prefix-findings.ts';
import { distrustOf, type EvidenceMode, type ObjectProof, type ProofOptions, proveObjects } from './prove-objects.ts';
import { remedyFor } from './remedy.ts';
import { openStoredModel, type SignedContents, type StoredModel, type StoredModelOptions } from './stored-model.ts';
import { judged, type Verification } from './verify-model.ts';

/** How a release is verified where it lies. */
export interface VerifyReleaseOptions extends StoredModelOptions {
  /** `auto` unless given. */
  readonly mode?: EvidenceMode | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What of a store stands behind a verification. */
export interface StoredEvidence {
  /** As it was asked for. */
  readonly location: string;
  readonly release?: { readonly number: number; readonly digest: string; readonly version: VersionId; readonly signer: string } | undefined;
  readonly channel?:
    | { readonly name: string; readonly sequence: number; readonly digest: string; readonly expires: Date; readonly signer: string }
    | undefined;
  /** How the bytes of each file were proven; those that were not are findings. */
  readonly files: readonly FileEvidence[];
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
  const content = model.contents === undefined ? skippedContent() : await checkContents(model, model.contents, options);
  throwIfAborted(signal);
  const mark = await advanceMark(model.channel, location, options.state);
  const checks = [...model.checks, ...content.checks, ...mark.checks];
  const findings = [...model.findings, ...content.findings, ...mark.findings];
  return {
    ...verificationOf(model, options, findings),
    read: content.read,
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

/** What is known of a release and its channel. */
export function storedEvidence({ location, release, channel }: StoredModel): Omit<StoredEvidence, 'files'> {
  return {
    location: asked(location),
    ...(release === undefined
      ? {}
      : {
          release: {
            number: release.record.number,
            digest: release.digest,
            version: release.version,
            signer: release.statement.signer.description,
          },
        }),
    ...(channel === undefined
      ? {}
      : {
          channel: {
            name: channel.pointer.channel,
            sequence: channel.pointer.sequence,
            digest: channel.digest,
            expires: channel.pointer.expires,
            signer: channel.statement.signer.description,
          },
        }),
  };
}

function asked(location: StoreLocation): string {
  return location.reference === undefined ? location.url : locationText(location, location.reference);
}

function skippedContent() {
  const skipped: Check = { name: 'model-content', status: 'skipped', detail: 'no byte was read, because the signatures did not pass' };
  return { checks: [skipped], findings: [], files: [], read: undefined };
}

async function checkContents(model: StoredModel, contents: SignedContents, options: VerifyReleaseOptions) {
  const { store, mode = 'auto', signal, onProgress } = options;
  const { location, rule, release } = model;
  const { candidate, files, manifest } = contents;
  const number = release?.record.number ?? 0;
  const distrust = mode === 'full' ? undefined : await distrustOf(store, rule, mode);
  const how: ProofOptions = { mode, distrust, serialization: manifest.serialization, signal, onProgress };
  const state = await readPrefix(store, location, candidate.modelId, files, signal);
  const proofs = await proveObjects(
    store,
    files.map(({ object }) => object),
    how,
  );
  const current = await proveReplaced(state.replaced, how, options);
  const remedy = await remedyFor(model, options);
  const content = checkStoredContent(contents, proofs, { number, remedy, kind: release?.record.kind ?? 'directory', location });
  const about: PrefixFindingOptions = { store, location, number, modelId: candidate.modelId, remedy };
  const inPrefix = prefixFindings(state, current, about);
  return { ...content, checks: [...content.checks, prefixCheck(inPrefix)], findings: [...content.findings, ...inPrefix] };
}

/** The bytes that a plain reader gets in the place of pinned ones: after a restore they are the same. */
async function proveReplaced(
  replaced: Awaited<ReturnType<typeof readPrefix>>['replaced'],
  how: ProofOptions,
  { store }: VerifyReleaseOptions,
): Promise<readonly ObjectProof[]> {
  const sameSize = replaced.filter(({ file, current }) => current.size === file.object.size);
  const proofs = await proveObjects(
    store,
    sameSize.map(({ file, current }) => ({ ...file.object, version: current.version })),
    how,
  );
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
