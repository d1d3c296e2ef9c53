import { type Check, errorFinding, type Finding, type Severity, verdictOf } from '../core/index.ts';
import { compareModel, type HashedModel, type ModelFile } from '../model/index.ts';
import type { StoreLocation, VersionId } from '../store/index.ts';
import type { ObjectProof } from './prove-objects.ts';
import { comparableParts } from './record-findings.ts';
import type { SignedContents, StoredFile } from './stored-model.ts';

/** How the bytes of a file were proven. */
export interface FileEvidence {
  readonly name: string;
  readonly version: VersionId;
  readonly by: 's3-attested' | 'bytes-hashed';
}

/** What the findings about content say. */
export interface ContentFindingOptions {
  readonly number: number;
  readonly kind: 'file' | 'directory';
  readonly location: Pick<StoreLocation, 'url'>;
  /** What to do about a file that is not what was signed. */
  readonly remedy: string;
}

/** Compares what is proven of the pinned versions with what was signed. */
export function checkStoredContent(contents: SignedContents, proofs: readonly ObjectProof[], options: ContentFindingOptions) {
  const { files, manifest } = contents;
  const hashed: ModelFile[] = [];
  const evidence: FileEvidence[] = [];
  const open: Finding[] = [];
  files.forEach((file, i) => {
    const { name, object, signed } = file;
    const proof = proofs[i];
    if (proof?.kind === 'hashed') {
      hashed.push({ name, size: proof.size, digests: proof.digests });
      evidence.push({ name, version: object.version, by: 'bytes-hashed' });
      return;
    }
    // What is not hashed stands for itself here, and is told of on its own where it is not proven.
    hashed.push({ name, size: object.size, digests: signed.digests });
    if (proof?.kind === 'attested') evidence.push({ name, version: object.version, by: 's3-attested' });
    else open.push(unprovenFinding(file, proof, options));
  });
  const compared = compareStored(contents, hashed, options);
  const findings = [...compared, ...open];
  const read = evidence.filter(({ by }) => by === 'bytes-hashed').length;
  const bytes = files.reduce((sum, { object }, i) => sum + (proofs[i]?.kind === 'hashed' ? object.size : 0), 0);
  return {
    files: evidence,
    findings,
    read: { files: read, bytes, engine: 'native' } as const,
    checks: [contentCheck(contents, evidence, findings, manifest.resources.length)],
  };
}

/** Compares the hashed files of a release with its manifest. */
export function compareStored(
  { files, manifest }: SignedContents,
  hashed: readonly ModelFile[],
  { number, kind, location, remedy }: ContentFindingOptions,
): readonly Finding[] {
  const model: HashedModel = {
    source: { kind, path: location.url, name: files[0]?.name ?? '' },
    serialization: manifest.serialization,
    files: hashed,
    bytes: 0,
    unhashed: [],
    ignored: [],
    emptyFiles: [],
    engine: 'native',
    findings: [],
  };
  return compareModel(manifest, model, { ignoreUnsigned: false }).map((finding) =>
    finding.severity === 'rejected' ? { ...finding, message: releasedMessage(finding, number), suggestion: remedy } : finding,
  );
}

function releasedMessage({ code, message }: Finding, number: number): string {
  return code === 'file-changed' ? `changed in release ${number}` : message;
}

/** Why the bytes of a file are not known to be the signed ones. */
export function unprovenFinding(
  { name, object }: StoredFile,
  proof: ObjectProof | undefined,
  { number, remedy }: Pick<ContentFindingOptions, 'number' | 'remedy'>,
): Finding {
  switch (proof?.kind) {
    case 'differs': {
      const { expected, got } = proof;
      return {
        code: 'file-changed',
        severity: 'rejected',
        message: `changed in release ${number}`,
        subject: name,
        expected,
        got,
        suggestion: remedy,
      };
    }
    case 'failed': {
      const finding = errorFinding(proof.error, name);
      const isGone = finding.code === 'object-missing';
      const severity: Severity = isGone ? 'rejected' : finding.severity;
      return { ...finding, subject: name, severity, expected: `version ${object.version}`, ...(isGone ? { suggestion: remedy } : {}) };
    }
    default:
      return {
        code: 'not-attested',
        severity: 'undetermined',
        message: `its bytes are not proven: ${proof?.kind === 'unproven' ? proof.reason : 'nothing is known of them'}`,
        subject: name,
        expected: 'checksums of the store that prove the signed bytes',
        suggestion: 'leave out --attested, and what cannot be attested is read and hashed',
      };
  }
}

function contentCheck(
  { files, manifest }: SignedContents,
  evidence: readonly FileEvidence[],
  findings: readonly Finding[],
  resources: number,
): Check {
  const verdict = verdictOf(findings);
  const attested = new Set(evidence.flatMap(({ name, by }) => (by === 's3-attested' ? [name] : [])));
  const hashed = evidence.length - attested.size;
  const direct = files.filter(
    ({ name, object, signed }) => attested.has(name) && comparableParts(object, signed, manifest).length > 0,
  ).length;
  const ways = [
    ...(hashed > 0 ? [`hashed: ${hashed}`] : []),
    ...(attested.size > 0
      ? [
          `attested by the store: ${attested.size} (${direct} by the signed digests themselves, ${attested.size - direct} by those of the release record)`,
        ]
      : []),
  ];
  return {
    name: 'model-content',
    status: verdict === 'verified' ? 'passed' : verdict === 'rejected' ? 'failed' : 'could-not-run',
    detail: `files ${files.length}, ${ways.join(', ') || 'none proven'}; signed digests: ${resources}`,
  };
}
