import { randomBytes } from 'node:crypto';
import { copyFile, link, open, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileError, refused, systemErrorCode, unavailable } from './errors.ts';

/** How {@link writeFileAtomic} writes. */
export interface WriteFileOptions {
  /** What the file is, for errors: `signature`. */
  readonly what: string;
  /** Whether an existing file may be replaced. */
  readonly overwrite: boolean;
  /** Permission bits; 0o644 unless given, less the umask. */
  readonly mode?: number;
}

/** What a file holds; pieces are taken as they are needed. */
export type FileData = Uint8Array | string | Iterable<string> | AsyncIterable<Uint8Array>;

/** A file for {@link writeFilesAtomic}. */
export interface FileToWrite extends WriteFileOptions {
  readonly path: string;
  readonly data: FileData;
}

/** A file whose content lies beside it; a pipe or device has no such place. */
interface StagedFile extends FileToWrite {
  readonly temporary: string | undefined;
}

/** What file systems without hard links (FAT, some network shares) say. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK'];

/**
 * Writes a file that appears only when it is complete: temporary name beside it, fsync, then rename, or link where
 * nothing may be replaced, so that of two writers at once one is refused. Only a pipe or device is written into as it is.
 *
 * @throws MlsignError `file-exists`, and what {@link fileError} gives
 */
export async function writeFileAtomic(path: string, data: FileData, options: WriteFileOptions): Promise<void> {
  await writeFilesAtomic([{ ...options, path, data }]);
}

/**
 * Writes several files, all or none, each as {@link writeFileAtomic} does: all are complete beside their places, one made after
 * the other, before the first appears, in their order; where a later one cannot, those before it go again, or are again what they were.
 *
 * @throws MlsignError `file-exists`, and what {@link fileError} gives
 */
export async function writeFilesAtomic(files: readonly FileToWrite[]): Promise<void> {
  const staged: StagedFile[] = [];
  const undo: (() => Promise<void>)[] = [];
  const backups: string[] = [];
  try {
    for (const file of files) staged.push(await telling(file, () => stage(file)));
    for (const file of staged) {
      await telling(file, async () => {
        const backup = file.overwrite ? await backUp(file) : undefined;
        if (backup !== undefined) backups.push(backup);
        await publish(file);
        const { path, temporary } = file;
        if (temporary !== undefined) undo.unshift(() => (backup === undefined ? unlink(path) : rename(backup, path)));
        await syncDirectory(dirname(path));
      });
    }
  } catch (error) {
    for (const step of undo) await step().catch(() => undefined);
    throw error;
  } finally {
    for (const { temporary } of staged) if (temporary !== undefined) await remove(temporary);
    for (const backup of backups) await remove(backup);
  }
}

/**
 * Finds out whether a file could be written, before the work that makes its content: its temporary file is made and removed.
 *
 * @throws MlsignError `is-a-directory`, and what {@link fileError} gives
 */
export async function checkWritable(path: string, what: string): Promise<void> {
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory()) {
    throw unavailable('is-a-directory', `cannot write the ${what}: is a directory`, {
      subject: path,
      suggestions: ['give the path of a file'],
    });
  }
  if (stats !== undefined && !stats.isFile()) return;
  const { temporary } = await telling({ path, what }, () => stage({ path, data: '', what, overwrite: false }));
  if (temporary !== undefined) await remove(temporary);
}

/** The refusal to overwrite a file. */
export function alreadyExists(path: string, what: string): Error {
  return refused('file-exists', `the ${what} already exists`, {
    subject: path,
    suggestions: ['use --force to replace it, or give another path'],
  });
}

async function telling<T>({ path, what }: Pick<FileToWrite, 'path' | 'what'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') throw alreadyExists(path, what);
    throw fileError(error, `write the ${what}`, path);
  }
}

async function stage(file: FileToWrite): Promise<StagedFile> {
  if (file.overwrite && (await isSpecial(file.path))) return { ...file, temporary: undefined };
  const temporary = nameBeside(file.path);
  const handle = await open(temporary, 'wx', file.mode ?? 0o644);
  try {
    await handle.writeFile(file.data);
    await handle.sync();
  } catch (error) {
    await remove(temporary);
    throw error;
  } finally {
    await handle.close();
  }
  return { ...file, temporary };
}

/** Whether a path names something that must not be renamed over: `/dev/stdout`, a named pipe. */
async function isSpecial(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

function nameBeside(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}

/** A second name for the file that is to be replaced, or a copy; undefined where there is none, or none that can be kept. */
async function backUp({ path, temporary }: StagedFile): Promise<string | undefined> {
  if (temporary === undefined) return undefined;
  const backup = nameBeside(path);
  try {
    await link(path, backup);
  } catch (error) {
    if (!NO_LINKS.includes(systemErrorCode(error) ?? '')) return undefined;
    const isCopied = await copyFile(path, backup).then(
      () => true,
      () => false,
    );
    if (!isCopied) return undefined;
  }
  return backup;
}

async function publish({ path, data, temporary, overwrite }: StagedFile): Promise<void> {
  if (temporary === undefined) return writeFile(path, data);
  if (overwrite) return rename(temporary, path);
  try {
    await link(temporary, path);
  } catch (error) {
    if (!NO_LINKS.includes(systemErrorCode(error) ?? '')) throw error;
    // Claim the name first, then fill it by rename.
    await (await open(path, 'wx')).close();
    await rename(temporary, path).catch(async (failure: unknown) => {
      await remove(path);
      throw failure;
    });
  }
}

async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open directories; there the rename itself is journaled.
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r').catch((error: unknown) => {
    // Whoever may write into a directory need not be allowed to list it: the file is there all the same.
    if (['EACCES', 'EPERM'].includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  });
  try {
    await handle?.sync();
  } finally {
    await handle?.close();
  }
}

async function remove(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}
