import { type Check, type Finding, verdictOf } from '../core/index.ts';
import { groupByFile, type Manifest } from '../formats/index.ts';
import type { Revocations } from '../lineage/index.ts';
import type { Candidate, OpenedSignatures } from './open-signatures.ts';

/** By which files are known. */
const FILE_DIGESTS: readonly string[] = ['sha256', 'blake2b', 'blake3'];

/**
 * What is left of a model's signatures once revocation lists are believed: a candidate whose model id, or one of whose files,
 * is revoked is none, and neither is one that may be about the same bytes, hashed in another way. Where another one is left,
 * its files decide, and what is revoked is only told.
 *
 * @param subject names the model
 */
export function withoutRevoked(signatures: OpenedSignatures, revocations: Revocations | undefined, subject: string): OpenedSignatures {
  if (revocations === undefined) return signatures;
  const judged = signatures.candidates.map((candidate) => ({ candidate, findings: revokedContents(candidate, revocations, subject) }));
  const isRevoked = ({ findings }: (typeof judged)[number]) => verdictOf(findings) !== 'verified';
  const revoked = judged.filter(isRevoked).map(({ candidate }) => manifestOf(candidate));
  const candidates = judged
    .filter((each) => !isRevoked(each) && revoked.every((manifest) => areOfOtherModels(manifest, manifestOf(each.candidate))))
    .map(({ candidate }) => candidate);
  const findings = judged.flatMap((each) => each.findings);
  const isLeft = candidates.length > 0;
  const unseen = isLeft ? notComparable(candidates, revocations, subject) : [];
  const told = [...(isLeft ? findings.map((finding): Finding => ({ ...finding, severity: 'warning' })) : findings), ...unseen];
  const check: Check = {
    name: 'revoked-content',
    status: !isLeft && judged.length > 0 ? 'failed' : judged.length === 0 ? 'skipped' : 'passed',
    detail: `${subject}: ${describe(findings, judged.length)}`,
  };
  return { ...signatures, candidates, checks: [...signatures.checks, check], findings: [...signatures.findings, ...told] };
}

/** Digests by which files may be revoked, and that no manifest of this model could tell: of another algorithm, or of shards. */
function notComparable(candidates: readonly Candidate[], revocations: Revocations, subject: string): readonly Finding[] {
  const manifests = candidates.map(manifestOf);
  const tells = (algorithm: string) =>
    manifests.some(
      (manifest) =>
        manifest.serialization.hashType === algorithm && [...groupByFile(manifest).values()].every(({ digests }) => digests.length <= 1),
    );
  const lost = [...revocations.algorithms].filter(([algorithm]) => FILE_DIGESTS.includes(algorithm) && !tells(algorithm));
  if (lost.length === 0) return [];
  const words = manifests.map(({ serialization: { hashType, shardSize } }) =>
    shardSize === undefined ? hashType : `${hashType} in shards`,
  );
  return [
    {
      code: 'revoked-files-not-comparable',
      severity: 'warning',
      message: 'revoked digests cannot be compared with the files of this model, which are hashed in another way',
      subject,
      expected: lost.map(([algorithm, count]) => `${count} by ${algorithm}`).join(', '),
      got: `files by ${[...new Set(words)].join(' and ')}`,
      suggestion: 'sign the model by whole files with SHA-256 as well (mlsign sign --method files --algorithm sha256)',
    },
  ];
}

function describe(findings: readonly Finding[], candidates: number): string {
  const count = findings.filter(({ severity }) => severity === 'rejected').length;
  if (candidates === 0) return 'no signature says what the model is';
  return count === 0 ? 'neither its model id nor any of its files is revoked' : `${count} of its model id and files revoked`;
}

function manifestOf({ statements }: Candidate): Manifest {
  return statements[0].statement.manifest;
}

/** Whether no model is what both say: they name other files, or other digests by the same algorithm. */
export function areOfOtherModels(a: Manifest, b: Manifest): boolean {
  const ours = groupByFile(a);
  const theirs = groupByFile(b);
  if (ours.size !== theirs.size || [...ours.keys()].some((name) => !theirs.has(name))) return true;
  const isAlike = a.serialization.hashType === b.serialization.hashType && a.serialization.shardSize === b.serialization.shardSize;
  return isAlike && [...ours].some(([name, { digests }]) => digests.join() !== theirs.get(name)?.digests.join());
}

function revokedContents(candidate: Candidate, revocations: Revocations, subject: string): readonly Finding[] {
  const { modelId } = candidate;
  const manifest = manifestOf(candidate);
  const model = revocations.model(modelId, subject);
  return [...(model === undefined ? [] : [model]), ...revokedFiles(manifest, revocations, subject)];
}

/** A file in several shards has no digest of its own: it cannot be told from its digest. */
function revokedFiles(manifest: Manifest, revocations: Revocations, subject: string): readonly Finding[] {
  const { hashType } = manifest.serialization;
  const findings: Finding[] = [];
  for (const [name, { digests }] of groupByFile(manifest)) {
    const [digest, ...others] = digests;
    const finding = digest === undefined || others.length > 0 ? undefined : revocations.file(hashType, digest, `${subject}/${name}`);
    if (finding !== undefined) findings.push(finding);
  }
  return findings;
}
