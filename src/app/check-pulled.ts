import { openArchive } from '../archive/index.ts';
import { type Verdict, verdictOf } from '../core/index.ts';
import { checkArchive } from './check-archive.ts';
import { type CheckedFormats, FormatExaminer, formatsSkipped } from './check-formats.ts';
import { examineStaged } from './check-formats-local.ts';
import { ownBytesFinding } from './check-stored-archive.ts';
import { checkStoredContent, unprovenFinding } from './check-stored-content.ts';
import type { ObjectProof } from './prove-objects.ts';
import type { PullModelOptions } from './pull-model.ts';
import { remedyFor } from './remedy.ts';
import type { OpenedModel } from './stored-model.ts';

/**
 * Compares what was pulled with what was signed, and looks at what its files are: nothing that is refused appears.
 *
 * @param proofs of the files, as they lie on the disk
 * @param paths where they lie
 * @param examined what looking at them showed, where that was done already
 */
export async function checkPulled(
  model: OpenedModel,
  proofs: readonly ObjectProof[],
  paths: readonly string[],
  options: PullModelOptions,
  examined?: CheckedFormats,
) {
  const { location, release, contents } = model;
  const { number, kind } = release.record;
  if (kind === 'archive') return await checkPulledArchive(model, proofs[0], paths[0] ?? '', options);
  const content = checkStoredContent(contents, proofs, { number, kind, location, remedy: remedyFor(model) });
  const formats = examined ?? (await examineStagedFiles(model, paths, verdictOf(content.findings), options));
  return {
    ...content,
    unsigned: undefined,
    formats: formats.evidence,
    checks: [...content.checks, formats.check],
    findings: [...content.findings, ...formats.findings],
  };
}

async function checkPulledArchive(
  model: OpenedModel,
  proof: ObjectProof | undefined,
  path: string,
  { archiveLimits: limits, signal, onProgress }: PullModelOptions,
) {
  const { contents, release, rule } = model;
  const [file] = contents.files;
  const source = file && openArchive({ kind: 'file', path, name: file.name }, { limits, signal });
  if (file === undefined || source === undefined) throw new Error('the release of an archive has one object, of the name of one');
  const { number } = release.record;
  const isHashed = proof?.kind === 'hashed';
  const wrong = isHashed ? ownBytesFinding(model, file, proof.digests) : unprovenFinding(file, proof, { number, remedy: remedyFor(model) });
  if (wrong === undefined) {
    const checked = await checkArchive(model, source, { signal, onProgress });
    return { ...checked, files: [{ name: file.name, version: file.object.version, by: 'bytes-hashed' } as const] };
  }
  const formats = formatsSkipped(rule.formats, 'no file was looked at, because the bytes of the archive are not verified');
  const status = wrong.severity === 'rejected' ? 'failed' : 'could-not-run';
  return {
    files: [],
    read: undefined,
    unsigned: undefined,
    formats: formats.evidence,
    checks: [{ name: 'model-content', status, detail: wrong.message } as const, formats.check],
    findings: [wrong],
  };
}

/** Looks at what was verified, where it is staged. */
async function examineStagedFiles(
  { rule, contents }: OpenedModel,
  paths: readonly string[],
  verdict: Verdict,
  { signal }: PullModelOptions,
): Promise<CheckedFormats> {
  if (verdict !== 'verified') return formatsSkipped(rule.formats, 'no file was looked at, because its bytes are not verified');
  const examiner = new FormatExaminer(rule.formats, signal);
  await examineStaged(
    contents.files.map(({ name }, i) => ({ name, path: paths[i] ?? '' })),
    examiner,
  );
  return await examiner.finish();
}
