import { randomBytes } from 'node:crypto';
import { link, open, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError, refused, systemErrorCode } from './errors.ts';

/** How {@link writeFileAtomic} writes. */
export interface WriteFileOptions {
  /** What the file is, for errors: `signature`. */
  readonly what: string;
  /** Whether an existing file may be replaced. */
  readonly overwrite: boolean;
  /** Permission bits; 0o644 unless given, less the umask. */
  readonly mode?: number;
}

/**
 * Writes a file that appears only when it is complete: temporary name beside it, fsync, then rename, or link where
 * nothing may be replaced, so that of two writers at once one is refused. Only a pipe or device is written into as it is.
 *
 * @throws MlsignError `file-exists`, and what {@link fileError} gives
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string, options: WriteFileOptions): Promise<void> {
  if (options.overwrite && (await isSpecial(path))) return writeInto(path, data, options.what);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', options.mode ?? 0o644);
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (options.overwrite) await rename(temporary, path);
    else await publish(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') throw fileExists(path, options.what);
    throw fileError(error, `write the ${options.what}`, path);
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

/** Whether a path names something that must not be renamed over: `/dev/stdout`, a named pipe. */
async function isSpecial(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

async function writeInto(path: string, data: Uint8Array | string, what: string): Promise<void> {
  try {
    await writeFile(path, data);
  } catch (error) {
    throw fileError(error, `write the ${what}`, path);
  }
}

/** The refusal to overwrite a file. */
export function fileExists(path: string, what: string): Error {
  return refused('file-exists', `the ${what} already exists`, {
    subject: path,
    suggestions: ['use --force to replace it, or give another path'],
  });
}

async function publish(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    // File systems without hard links (FAT, some network shares): claim the name first, then fill it by rename.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK'].includes(systemErrorCode(error) ?? '')) throw error;
    await (await open(path, 'wx')).close();
    await rename(temporary, path);
  }
}

async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open directories; there the rename itself is journaled.
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
