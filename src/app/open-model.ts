import { basename } from 'node:path';
import { type ArchiveLimits, openArchive } from '../archive/index.ts';
import { MlsignError, refused, usage } from '../core/index.ts';
import type { HashOptions } from '../digest/index.ts';
import { groupByFile, MAX_BUNDLE_BYTES, type Manifest, parseBundle, parseOmsStatement } from '../formats/index.ts';
import { type ArchiveSource, type HashedModel, openSource, type Source } from '../model/index.ts';
import { SIGNATURE_NAME } from './locations.ts';
import { readBundle } from './read-bundle.ts';

/** How a model is opened. */
export interface OpenModelOptions {
  /** Whether an archive is one file, and not what it holds. */
  readonly whole?: boolean | undefined;
  /** How much of an archive is read. */
  readonly archiveLimits?: ArchiveLimits | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds out what a path names: one file, a directory, or an archive, which its name tells.
 *
 * @throws MlsignError what `openSource` throws
 */
export async function openModel(path: string, { whole = false, archiveLimits, signal }: OpenModelOptions = {}): Promise<Source> {
  const source = await openSource(path);
  if (whole && source.kind === 'directory') {
    throw usage('whole-not-file', 'a directory is never one file', { subject: path, suggestions: ['leave --whole out'] });
  }
  return (whole ? undefined : openArchive(source, { limits: archiveLimits, signal })) ?? source;
}

/** What a statement signs. */
interface Signed {
  readonly subjectName: string;
  readonly manifest: Manifest;
}

/**
 * An archive as a statement takes it: as what it holds, or, where the one thing signed is a file of the name of the model, as
 * that file.
 */
export function sourceAsSigned(source: Source, signed: Signed): Source {
  if (source.kind !== 'archive' || !isOfOneFile(signed)) return source;
  return { kind: 'file', path: source.path, name: basename(source.path) };
}

/** Whether a statement signs one file, and no directory. */
export function isOfOneFile({ subjectName, manifest }: Signed): boolean {
  const [only, ...others] = groupByFile(manifest).keys();
  return others.length === 0 && (only === '.' || only === subjectName);
}

/**
 * Refuses an archive of which only its own bytes are signed.
 *
 * @throws MlsignError `archive-signed-whole`
 */
export function refuseSignedWhole(source: ArchiveSource, signed: Signed): void {
  if (!isOfOneFile(signed)) return;
  throw refused('archive-signed-whole', 'the archive is signed as one file, and none of the files that it holds is', {
    subject: source.path,
    expected: 'a signature of what the archive holds',
    suggestions: ['have its content signed: mlsign sign without --whole', 'verify the archive, and unpack it with a tool that you trust'],
  });
}

/**
 * Refuses what would be taken for the signature of the archive's own bytes.
 *
 * @throws MlsignError `archive-like-whole`
 */
export function refuseLikeWhole({ source, files }: HashedModel): void {
  const [only, ...others] = files;
  if (source.kind !== 'archive' || others.length > 0 || only?.name !== source.name) return;
  throw refused('archive-like-whole', 'the only file in the archive has the name of the model, as if the archive itself were signed', {
    subject: source.path,
    expected: `a file of another name than ${source.name}, or more files`,
    got: only.name,
    suggestions: ['rename the archive', 'sign its bytes as one file: --whole'],
  });
}

/** The bundle inside an archive, as a path that shows where it is. */
export function innerSignaturePath({ path }: Pick<ArchiveSource, 'path'>): string {
  return `${path}/${SIGNATURE_NAME}`;
}

/**
 * The bundle inside an archive; undefined where there is none. A compressed archive is read whole for it, and hashed on the way
 * as the bundle beside it says, so that verifying it needs no second pass.
 *
 * @param beside unverified; where it signs the archive as one file, nothing is looked for inside
 * @param isTrusted whether what lies beside it is enough for the rule
 * @throws MlsignError `archive-…`, `gzip-…`
 */
export async function readInnerSignature(source: ArchiveSource, beside: string, isTrusted = false): Promise<Uint8Array | undefined> {
  const signed = await readClaim(beside);
  if (signed !== undefined && isOfOneFile(signed)) return undefined;
  const { hashType: algorithm = 'sha256', shardSize } = signed?.manifest.serialization ?? {};
  return await source.contents.read(SIGNATURE_NAME, MAX_BUNDLE_BYTES, { algorithm, shardSize }, isTrusted);
}

/** Of a bundle that may be missing or anything at all. */
async function readClaim(path: string): Promise<Signed | undefined> {
  try {
    const { bundle } = await readBundle(path);
    return parseOmsStatement(bundle.envelope.payload, path, { allowLegacy: true });
  } catch (error) {
    if (error instanceof MlsignError && error.outcome !== 'interrupted') return undefined;
    throw error;
  }
}

/** The bundle of a model, beside or inside it. */
export async function readOwnBundle(source: Source, beside: string) {
  try {
    return { ...(await readBundle(beside)), path: beside };
  } catch (error) {
    if (source.kind !== 'archive' || !(error instanceof MlsignError) || error.code !== 'file-not-found') throw error;
    const bytes = await readInnerSignature(source, beside);
    if (bytes === undefined) throw error;
    const path = innerSignaturePath(source);
    return { path, bundle: parseBundle(bytes, path) };
  }
}

/** Whether an archive holds a directory of a name, whatever lies in it; what is wrong with the archive is told when it is hashed. */
export async function isDirectoryIn({ contents }: ArchiveSource, name: string, options: HashOptions): Promise<boolean> {
  try {
    const { members } = await contents.hash(() => false, options);
    return members.some((member) => (member.kind === 'directory' && member.name === name) || member.name.startsWith(`${name}/`));
  } catch (error) {
    if (error instanceof MlsignError && error.outcome === 'refused') return false;
    throw error;
  }
}
