import { rm } from 'node:fs/promises';
import { archiveFormatOf, openToUnpack } from '../archive/index.ts';
import { type Check, type Finding, fileError, throwIfAborted, usage } from '../core/index.ts';
import { type ArchiveSource, type DiskSource, openSource } from '../model/index.ts';
import { namesInside } from './locations.ts';
import { refuseSignedWhole } from './open-model.ts';
import { clearStaging, makeStaging, notEmpty, occupants, type PullTarget, publishTarget, pullTarget, takeBack } from './pull-target.ts';
import { stageAlone } from './stage-alone.ts';
import { syncDirectories } from './stage-files.ts';
import { keepSigned } from './unpack-files.ts';
import { placeSignatures } from './unpack-signatures.ts';
import { type Verification, type VerifyModelOptions, verifySource } from './verify-model.ts';

/** What must hold for the model in an archive, and whether what lies in the directory may be replaced. */
export interface UnpackModelOptions extends VerifyModelOptions {
  readonly force?: boolean | undefined;
}

/** What an unpack verified, and where the model is. */
export interface UnpackedModel extends Verification {
  /** Unless the verdict is `verified`, nothing has appeared there. */
  readonly directory: string;
}

/**
 * Verifies the model in an archive while it is unpacked into a place of its own; the directory appears, or is filled, only when
 * every byte is verified. Only signed files appear, the signature as `model.sig` where `mlsign verify` finds it.
 *
 * @param path the archive
 * @param directory that is empty, or not there yet
 * @returns the verdict with all evidence, as `verifyModel` gives it
 * @throws MlsignError what `verifyModel` throws, `archive-expected`, `archive-signed-whole`, `directory-not-empty`, `pull-in-progress`,
 *   `signature-name-taken`, `disk-full`
 * @example
 * const { verdict } = await unpackModel('model.tar.gz', 'model', { policy });
 */
export async function unpackModel(path: string, directory: string, options: UnpackModelOptions): Promise<UnpackedModel> {
  const file = await openSource(path);
  if (file.kind !== 'file' || archiveFormatOf(file.name) === undefined) throw notAnArchive(path);
  const target = await pullTarget(directory);
  if ((await namesInside({ kind: 'directory', path: target.directory }, path)).length > 0) {
    throw usage('archive-inside-model', 'the archive lies in the directory that it would be unpacked to', {
      subject: path,
      suggestions: ['give another directory'],
    });
  }
  return await stageAlone(target, options.signal, () => unpackInto(target, file, options));
}

async function unpackInto(target: PullTarget, file: DiskSource, options: UnpackModelOptions): Promise<UnpackedModel> {
  const { force = false, archiveLimits: limits, signal } = options;
  const inTheWay = force ? [] : await occupants(target);
  if (inTheWay.length > 0) throw notEmpty(target, inTheWay);
  const { directory } = target;
  try {
    await takeBack(target);
    await rm(target.files, { recursive: true, force: true });
    await makeStaging(target);
    const source = openToUnpack(file, target.files, { limits, signal });
    if (source === undefined) throw notAnArchive(file.path);
    const verification = await verifySource(source, options);
    if (verification.verdict !== 'verified') return { ...verification, directory };
    const { check, findings } = await publish(target, source, verification, signal);
    return { ...verification, directory, checks: [...verification.checks, check], findings: [...verification.findings, ...findings] };
  } catch (error) {
    throw fileError(error, 'unpack the model', directory);
  } finally {
    await clearStaging(target, true);
  }
}

async function publish(target: PullTarget, source: ArchiveSource, verification: Verification, signal: AbortSignal | undefined) {
  const { signed, unsigned } = verification;
  if (signed === undefined) throw new Error('a verified model is signed');
  refuseSignedWhole(source, { subjectName: signed.name, manifest: signed.manifest });
  const kept = await keepSigned(target.files, source, signed.manifest, unsigned.empty);
  throwIfAborted(signal);
  const findings: Finding[] = [];
  const bundles = await placeSignatures(target, source, verification.signatures, findings);
  await syncDirectories(kept.directories);
  throwIfAborted(signal);
  await publishTarget(target, bundles.last ?? kept.last);
  const leftOut = kept.leftOut === 0 ? '' : `; left out because nobody signed them: ${kept.leftOut}`;
  const check: Check = {
    name: 'unpack',
    status: 'passed',
    detail: `every byte was verified before it appeared; files: ${kept.files}, signatures: ${bundles.count}${leftOut}`,
  };
  return { check, findings };
}

function notAnArchive(subject: string) {
  return usage('archive-expected', 'an archive is unpacked, and this is none', {
    subject,
    expected: 'a file whose name ends in .tar, .tar.gz or .tgz',
  });
}
