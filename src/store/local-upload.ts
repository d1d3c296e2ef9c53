import { stat } from 'node:fs/promises';
import { type MlsignError, refused } from '../core/index.ts';
import { type FileIdentity, identityOf, type Ranges } from '../digest/index.ts';
import { KeyWriter, sealStaged } from './local-commit.ts';
import { copyHashed, type HashedBytes, hashFile, notAFile, type ReadOptions } from './local-copy.ts';
import { placeOf } from './local-files.ts';
import type { LocalFolders } from './local-folders.ts';
import { type KeyState, readState, versionId } from './local-state.ts';
import type { FileUpload, PartedObject, UploadedObject } from './store.ts';

/** Bytes of every part but the last, where the parts are not the shards that are signed. */
const PART_SIZE = 64 * 2 ** 20;
/** Smaller shards would be too many parts for a record. */
const LEAST_PART_SIZE = 2 ** 20;

/** What the upload of one file needs besides it. */
export interface LocalUpload extends Pick<ReadOptions, 'onBytes' | 'signal'> {
  readonly root: string;
  readonly url: string;
  readonly folders: LocalFolders;
}

/** Puts one file under its key, unless its bytes lie there already. */
export async function uploadFile(file: FileUpload, upload: LocalUpload): Promise<UploadedObject> {
  const { root, signal, folders } = upload;
  const place = placeOf(root, file.key);
  const writer = new KeyWriter(root, place, folders);
  const there = await readState(root, place);
  if (there.visible !== undefined) return await reuse(file, there, writer, upload);
  const staged = await writer.stage();
  try {
    const parts = await stageFile(file, staged, upload);
    const made = await writer.change(signal, async (state) =>
      state.visible === undefined ? { object: await writer.commit(staged, state) } : { state },
    );
    // Somebody else was faster: what lies there now must be the same.
    if ('state' in made) return await reuse(file, made.state, writer, { ...upload, onBytes: undefined });
    return { ...made.object, partSize: partSizeOf(file), parts, isReused: false };
  } finally {
    await writer.drop(staged);
  }
}

/** Copies a version to a staged file. Its bytes must still be those of the parts. */
export async function stageVersion(object: PartedObject, path: string, staged: string, signal: AbortSignal | undefined): Promise<void> {
  const { digests, size } = await copyHashed(path, staged, { ranges: [{ algorithm: 'sha256', shardSize: object.partSize }], signal });
  const parts = digests[0]?.length === 0 ? [EMPTY] : (digests[0] ?? []);
  if (size !== object.size || !isEqual(parts, object.parts)) {
    throw refused('object-damaged', 'the bytes of this version are not those that were pinned', {
      subject: path,
      expected: summary(object.parts),
      got: summary(parts),
      suggestions: ['restore the release from another copy of the store, or push the model again'],
    });
  }
  await sealStaged(staged, (await stat(path)).mode);
}

/** SHA-256 of no bytes. */
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

async function stageFile(file: FileUpload, staged: string, { onBytes, signal }: LocalUpload): Promise<readonly string[]> {
  const stats = await stat(file.path);
  if (!stats.isFile()) throw notAFile(file.path);
  const read = await copyHashed(file.path, staged, { ranges: rangesOf(file), onBytes, signal });
  if (!isSame(read.before, file.identity) || !isSame(read.after, file.identity))
    throw changed(file, 'the file that was listed', 'another file');
  const { signed, parts } = digestsOf(file, read);
  if (!isEqual(signed, file.signed.digests)) throw changed(file, summary(file.signed.digests), summary(signed));
  await sealStaged(staged, stats.mode);
  return parts;
}

/** Looks whether a key holds the very bytes that are to go there. */
async function reuse(file: FileUpload, there: KeyState, writer: KeyWriter, upload: LocalUpload): Promise<UploadedObject> {
  if (!isSame(identityOf(await stat(file.path)), file.identity)) throw changed(file, 'the file that was listed', 'another file');
  const { url, onBytes, signal } = upload;
  const { versions, place } = there.isSettled ? there : await writer.change(signal, async (state) => await writer.settle(state));
  const [newest] = versions;
  const read = await hashFile(place.path, { ranges: rangesOf(file), onBytes, signal });
  const { signed, parts } = digestsOf(file, read);
  if (newest === undefined || !isEqual(signed, file.signed.digests)) {
    throw refused('object-exists', 'other bytes lie under this key', {
      subject: `${url}/${file.key}`,
      expected: summary(file.signed.digests),
      got: summary(signed),
      suggestions: ['mlsign restore puts back what a release pinned', 'remove what lies there, if nobody needs it'],
    });
  }
  return { key: file.key, version: versionId(newest), size: read.size, partSize: partSizeOf(file), parts, isReused: true };
}

/** A directory takes parts of any size: those that are signed, so that the bytes are hashed once. */
function partSizeOf({ signed: { algorithm, shardSize }, identity: { size } }: FileUpload): number {
  if (algorithm === 'sha256' && shardSize === undefined) return Math.max(size, 1);
  return algorithm === 'sha256' && shardSize !== undefined && shardSize >= LEAST_PART_SIZE ? shardSize : PART_SIZE;
}

/** The parts, and what is signed where that is not the same. */
function rangesOf(file: FileUpload): readonly Ranges[] {
  const parts: Ranges = { algorithm: 'sha256', shardSize: partSizeOf(file) };
  return arePartsSigned(file) ? [parts] : [parts, file.signed];
}

function arePartsSigned(file: FileUpload): boolean {
  const { algorithm, shardSize = partSizeOf(file) } = file.signed;
  const { size } = file.identity;
  return algorithm === 'sha256' && (shardSize === partSizeOf(file) || (size <= shardSize && size <= partSizeOf(file)));
}

function digestsOf(file: FileUpload, { digests }: HashedBytes) {
  const [inParts = [], asSigned = inParts] = digests;
  const parts = inParts.length === 0 ? [EMPTY] : inParts;
  // Zero bytes have no shard, and as a whole they have a digest.
  const isWholeOfNothing = asSigned.length === 0 && file.signed.shardSize === undefined && arePartsSigned(file);
  return { parts, signed: isWholeOfNothing ? parts : asSigned };
}

function isSame(a: FileIdentity, b: FileIdentity): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ino === b.ino && a.dev === b.dev;
}

function isEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((digest, index) => digest === b[index]);
}

function summary([first = 'nothing', ...rest]: readonly string[]): string {
  return rest.length === 0 ? first : `${first} and ${rest.length} more`;
}

function changed({ path }: FileUpload, expected: string, got: string): MlsignError {
  return refused('file-changed', 'the file is not what was signed', {
    subject: path,
    expected,
    got,
    suggestions: ['sign the model again, if the change is meant', 'try again when nothing writes to it'],
  });
}
