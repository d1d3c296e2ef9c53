import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Finding, fileError, MlsignError, makeDirectory, refused, writeFileAtomic } from '../core/index.ts';
import type { ReleaseRecord } from '../release/index.ts';
import { SIGNATURE_NAME } from './locations.ts';
import { lockDocument } from './lock-document.ts';
import type { PullModelOptions } from './pull-model.ts';
import { INSIDE, type PullTarget } from './pull-target.ts';
import type { OpenedModel } from './stored-model.ts';

/** What lies beside a pulled model's files. */
export interface PulledRecords {
  /** The model's own signature: an entry of the staged tree, which appears last. */
  readonly last: string;
  readonly bundles: number;
  /** Absent where there was no place for it. */
  readonly lockFile?: string | undefined;
  readonly findings: readonly Finding[];
}

/** A file that goes to a place of its own. */
export interface FileToPlace {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Writes the bundles byte for byte, where `mlsign verify` looks for them, and the lock file: into the staged tree, and
 * beside the directory as far as there is a place.
 */
export async function writeRecords(target: PullTarget, model: OpenedModel, options: PullModelOptions): Promise<PulledRecords> {
  const { last, inside, beside } = await placeBundles(target, model);
  for (const { path, bytes } of inside) {
    await makeDirectory(dirname(path));
    await writeFile(path, bytes, { flush: true });
  }
  const { lockFile, findings } = await writeLock(target, model, options, beside);
  return { last, bundles: inside.length + (findings.length === 0 ? beside.length : 0), lockFile, findings };
}

/** Writes the lock file where it is asked for, or with the further signatures beside the directory. */
export async function writeLock(
  target: PullTarget,
  model: OpenedModel,
  { store, lockFile }: PullModelOptions,
  beside: readonly FileToPlace[] = [],
): Promise<Pick<PulledRecords, 'lockFile' | 'findings'>> {
  const companion = companionOf(target);
  const bytes = Buffer.from(`${JSON.stringify(lockDocument(store, model), null, 2)}\n`);
  if (lockFile !== undefined) await writeFileAtomic(lockFile, bytes, { what: 'lock file', overwrite: true });
  const own = { path: join(companion, 'lock.json'), bytes };
  const missed = await writeBeside(companion, lockFile === undefined ? [...beside, own] : beside);
  const findings = missed === undefined ? [] : [companionMissing(missed, companion, beside.length)];
  return { lockFile: lockFile ?? (missed === undefined ? own.path : undefined), findings };
}

function companionOf({ directory }: PullTarget): string {
  return `${directory}.mlsign`;
}

/**
 * Refuses a model whose own files take the place of its signature, or of the folder in which it is staged; under a name that some
 * file systems take for the same, too.
 *
 * @throws MlsignError `signature-name-taken`, `staging-name-taken`
 */
export function refuseReservedNames({ contents: { files }, release: { record } }: OpenedModel): void {
  refuseReserved(
    files.map(({ name }) => name),
    record.kind,
  );
}

/** The same of names. */
export function refuseReserved(names: readonly string[], kind: ReleaseRecord['kind']): void {
  const at = (reserved: string) => names.find((name) => name.replace(/\/.*/s, '').toLowerCase() === reserved);
  const staging = at(INSIDE);
  if (staging !== undefined) {
    throw refused('staging-name-taken', 'the model has a file where models are staged while they are pulled', {
      subject: staging,
      suggestions: ['remove it, and have the model signed and pushed again'],
    });
  }
  const taken = at(SIGNATURE_NAME);
  if (kind !== 'directory' || taken === undefined) return;
  throw refused('signature-name-taken', 'the model has a file where its signature belongs', {
    subject: taken,
    suggestions: ['have the model signed again with a newer signer'],
  });
}

async function placeBundles(target: PullTarget, { release: { record }, contents: { files, bundles } }: OpenedModel) {
  const isFile = record.kind !== 'directory';
  const single = files[0]?.name ?? '';
  const last = isFile ? `${single}.sig` : SIGNATURE_NAME;
  const folder = isFile ? join(target.files, `${single}.mlsign`) : companionOf(target);
  const inside: FileToPlace[] = [];
  const beside: FileToPlace[] = [];
  for (const [i, { digest, read }] of bundles.entries()) {
    const path = i === 0 ? join(target.files, last) : join(folder, `${digest.slice(0, 16)}.sig`);
    (i === 0 || isFile ? inside : beside).push({ path, bytes: await read() });
  }
  return { last, inside, beside };
}

/** Why the files could not be written beside the directory; undefined where they were. */
export async function writeBeside(companion: string, files: readonly FileToPlace[]): Promise<MlsignError | undefined> {
  try {
    if (files.length > 0) await makeDirectory(companion);
    for (const { path, bytes } of files) await writeFileAtomic(path, bytes, { what: basename(path), overwrite: true });
    return undefined;
  } catch (error) {
    return error instanceof MlsignError ? error : fileError(error, 'write beside the model', companion);
  }
}

function companionMissing({ message }: MlsignError, companion: string, bundles: number): Finding {
  const also = bundles === 0 ? '' : ` and ${bundles} further ${bundles === 1 ? 'signature' : 'signatures'}`;
  return {
    code: 'companion-not-written',
    severity: 'warning',
    message: `there is no place for the lock file${also} beside the directory: ${message}`,
    subject: companion,
    suggestion: 'give --lock-file a place that can be written',
  };
}
