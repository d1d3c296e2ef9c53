import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Finding, MlsignError, readCapped, sha256Hex } from '../core/index.ts';
import { MAX_BUNDLE_BYTES } from '../formats/index.ts';
import { localAttestations } from '../lineage/index.ts';
import type { ArchiveSource } from '../model/index.ts';
import { companionDirectory, SIGNATURE_NAME } from './locations.ts';
import { innerSignaturePath } from './open-model.ts';
import { type FileToPlace, writeBeside } from './pull-records.ts';
import type { PullTarget } from './pull-target.ts';
import type { JudgedSignature } from './verify-model.ts';

/**
 * Puts the signatures of an unpacked model where `mlsign verify` finds them, byte for byte: `model.sig` as it came out of the
 * archive, or the first of those that count; the others, and the attestations beside the archive, beside the directory.
 *
 * @param findings gets what could not be written there
 * @returns how many signatures, and the one that appears last
 */
export async function placeSignatures(
  target: PullTarget,
  source: ArchiveSource,
  signatures: readonly JudgedSignature[],
  findings: Finding[],
): Promise<{ readonly count: number; readonly last: string | undefined }> {
  const own = join(target.files, SIGNATURE_NAME);
  const inner = innerSignaturePath(source);
  let isPlaced = await isThere(own);
  const beside: FileToPlace[] = [];
  const companion = `${target.directory}.mlsign`;
  let count = isPlaced ? 1 : 0;
  for (const { path, counted } of signatures) {
    if (!counted || path === inner) continue;
    const bytes = await readCapped(path, MAX_BUNDLE_BYTES, 'signature');
    count++;
    if (isPlaced) beside.push({ path: join(companion, `${sha256Hex(bytes).slice(0, 16)}.sig`), bytes });
    else await writeFile(own, bytes, { flag: 'wx', flush: true });
    isPlaced = true;
  }
  beside.push(...(await attestations(source, companion, findings)));
  const missed = await writeBeside(companion, beside);
  if (missed !== undefined) findings.push(notWritten(missed, companion));
  return { count, last: isPlaced ? SIGNATURE_NAME : undefined };
}

/** They are brought along as they are, and nothing of them is verified here. */
async function attestations(source: ArchiveSource, companion: string, findings: Finding[]): Promise<readonly FileToPlace[]> {
  const files: FileToPlace[] = [];
  for (const { path, read } of await localAttestations(companionDirectory(source), findings)) {
    const bytes = await read().catch((error: unknown) => {
      if (error instanceof MlsignError && error.outcome !== 'interrupted') return undefined;
      throw error;
    });
    if (bytes !== undefined) files.push({ path: join(companion, basename(path)), bytes });
  }
  return files;
}

async function isThere(path: string): Promise<boolean> {
  return readCapped(path, MAX_BUNDLE_BYTES, 'signature').then(
    () => true,
    () => false,
  );
}

function notWritten({ message }: MlsignError, subject: string): Finding {
  return {
    code: 'companion-not-written',
    severity: 'warning',
    message: `there is no place for further signatures and attestations beside the directory: ${message}`,
    subject,
    suggestion: 'unpack it where mlsign may write beside it',
  };
}
