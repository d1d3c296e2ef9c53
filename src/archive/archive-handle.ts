import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { fileError, type MlsignError, refused } from '../core/index.ts';
import { type FileIdentity, identityOf } from '../digest/index.ts';

/**
 * Opens an archive, and makes sure that it stayed the same for as long as it was used.
 *
 * @throws MlsignError `not-a-file`, `file-changed-while-read`, and what `fileError` gives
 */
export async function withArchive<T>(path: string, use: (handle: FileHandle, identity: FileIdentity) => Promise<T>): Promise<T> {
  try {
    const handle = await openToRead(path);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw refused('not-a-file', 'not a regular file', { subject: path, expected: 'a regular file' });
      const identity = identityOf(stats);
      const result = await use(handle, identity);
      if (!isSame(identityOf(await handle.stat()), identity)) throw changed(path);
      return result;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, 'read the archive', path);
  }
}

/** Opens a file without waiting for a writer, where it has become a pipe. */
export function openToRead(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
}

/** @throws MlsignError `file-changed-while-read` where the archive is not the one that it was */
export async function refuseChanged(path: string, identity: FileIdentity): Promise<void> {
  const stats = await stat(path).catch((error) => {
    throw fileError(error, 'read the archive', path);
  });
  if (!isSame(identityOf(stats), identity)) throw changed(path);
}

/** Whether a file is in the same state. */
export function isSame(a: FileIdentity, b: FileIdentity): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ino === b.ino && a.dev === b.dev;
}

/** The refusal of an archive that is not what it was. */
export function changed(path: string): MlsignError {
  return refused('file-changed-while-read', 'the archive changed while it was read', {
    subject: path,
    suggestions: ['try again when nothing writes to it'],
  });
}
