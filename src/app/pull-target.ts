import { lstat, mkdir, open, readdir, realpath, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileError, type MlsignError, readCapped, refused, systemErrorCode } from '../core/index.ts';

/** Where a model is staged and where it appears. */
export interface PullTarget {
  /** Absolute, without links. */
  readonly directory: string;
  /** Whether the directory is there already: then it stays, and what is in it is renamed up from inside. */
  readonly isKept: boolean;
  /** On the same file system as the directory. */
  readonly staging: string;
  /** The tree that appears as the directory, or in it. */
  readonly files: string;
}

/** Where a model is staged inside a directory that stays. */
export const INSIDE = '.mlsign-partial';
/** What file systems put into the root of a mount. */
export const SYSTEM_ENTRIES: readonly string[] = ['lost+found'];
/** Names the entries of a pull that has begun to appear: those, a later run may take back. */
const APPEARING = 'appearing.json';
/** Hundreds of thousands of names. */
const MAX_APPEARING_BYTES = 64 * 1024 * 1024;

/**
 * Where a model goes: beside a directory that is not there yet, so that it appears whole by one rename; inside one that is
 * (a mount point, most often, that cannot be replaced).
 *
 * @throws MlsignError `not-a-directory`, and what {@link fileError} gives
 */
export async function pullTarget(path: string): Promise<PullTarget> {
  const absolute = resolve(path);
  const directory = await realpath(absolute).catch((error) => {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw fileError(error, 'write the model', path);
  });
  if (directory === undefined) {
    const parent = await realpath(dirname(absolute)).catch((error) => {
      throw fileError(error, 'write the model', dirname(absolute));
    });
    const target = join(parent, basename(absolute));
    const staging = `${target}${INSIDE}`;
    return { directory: target, isKept: false, staging, files: join(staging, 'files') };
  }
  if (!(await lstat(directory)).isDirectory()) {
    throw refused('not-a-directory', 'a model appears in a directory, and this is something else', { subject: path });
  }
  const staging = join(directory, INSIDE);
  return { directory, isKept: true, staging, files: join(staging, 'files') };
}

/**
 * Makes the places where a model is staged. Through a link that somebody put there, files would be written and others removed
 * elsewhere.
 *
 * @throws MlsignError `staging-taken`
 */
export async function makeStaging({ staging, files }: PullTarget): Promise<void> {
  for (const path of [staging, files]) {
    await mkdir(path).catch((error) => {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    });
    if ((await lstat(path)).isDirectory()) continue;
    throw refused('staging-taken', 'a model is staged in a directory of its own, and something else lies there', {
      subject: path,
      expected: 'a directory, or nothing',
      got: 'a link, or a file',
      suggestions: ['find out who put it there, and remove it'],
    });
  }
}

/** What lies in the directory and is not known to be what an interrupted pull has begun to show. */
export async function occupants(target: PullTarget): Promise<readonly string[]> {
  const known = target.isKept ? await appearing(target.staging) : [];
  return (await entriesOf(target)).filter((name) => !known.includes(name));
}

/** The refusal to mix a model with anything else. */
export function notEmpty({ directory }: PullTarget, [got]: readonly string[]): MlsignError {
  return refused('directory-not-empty', 'a model appears in a directory of its own, and this one holds something else', {
    subject: directory,
    got,
    suggestions: ['give a directory that is empty, or not there yet', 'use --force to replace all that is in it'],
  });
}

/** Takes back what an interrupted pull has begun to show: it is verified again. */
export async function takeBack(target: PullTarget): Promise<void> {
  if (!target.isKept) return;
  const { directory, staging, files } = target;
  const known = await appearing(staging);
  const shown = (await entriesOf(target)).filter((name) => known.includes(name));
  for (const name of shown) {
    await rm(join(files, name), { recursive: true, force: true });
    await rename(join(directory, name), join(files, name));
  }
}

/**
 * Makes what is staged appear, `last` after everything else; what is in the directory goes.
 *
 * @param last an entry of the staged tree
 */
export async function publishTarget({ directory, isKept, staging, files }: PullTarget, last: string): Promise<void> {
  if (!isKept) {
    await rename(files, directory);
    await syncDirectory(dirname(directory));
    return;
  }
  const replaced = join(staging, 'replaced');
  await rm(replaced, { recursive: true, force: true });
  for (const name of await entriesOf({ directory })) {
    await mkdir(replaced, { recursive: true });
    await rename(join(directory, name), join(replaced, name));
  }
  const entries = await readdir(files);
  const ordered = [...entries.filter((name) => name !== last), last];
  await writeSynced(join(staging, APPEARING), JSON.stringify(ordered));
  for (const name of ordered.slice(0, -1)) await rename(join(files, name), join(directory, name));
  await syncDirectory(directory);
  await rename(join(files, last), join(directory, last));
  await syncDirectory(directory);
  await rm(join(staging, APPEARING), { force: true });
  await rm(replaced, { recursive: true, force: true });
}

/** Removes what a pull leaves behind; `all`: what it has staged as well. */
export async function clearStaging({ staging, files }: PullTarget, all: boolean): Promise<void> {
  if (all) await rm(files, { recursive: true, force: true });
  else await rmdir(files).catch(() => undefined);
  // Where another pull waits, it stays.
  await rmdir(staging).catch(() => undefined);
}

/** Removes what a pull left that was killed after everything had appeared. */
export async function clearRemains({ staging, files }: PullTarget): Promise<void> {
  for (const path of [files, join(staging, 'replaced'), join(staging, APPEARING)]) await rm(path, { recursive: true, force: true });
}

/** Whether an earlier pull into the directory was not cleared away. */
export async function hasRemains({ isKept, staging }: PullTarget): Promise<boolean> {
  return isKept && (await lstat(staging).catch(() => undefined)) !== undefined;
}

/** Makes the entries of a directory last through a crash. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(path, 'r').catch(() => undefined);
  try {
    await handle?.sync();
  } finally {
    await handle?.close();
  }
}

/** Everything in the directory but mlsign's own folder and what the file system needs. */
async function entriesOf({ directory }: Pick<PullTarget, 'directory'>): Promise<readonly string[]> {
  const entries = await readdir(directory).catch((error) => {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw fileError(error, 'write the model', directory);
  });
  return entries.filter((name) => name !== INSIDE && !SYSTEM_ENTRIES.includes(name));
}

async function appearing(staging: string): Promise<readonly string[]> {
  try {
    const bytes = await readCapped(join(staging, APPEARING), MAX_APPEARING_BYTES, 'list of entries');
    const names: unknown = JSON.parse(Buffer.from(bytes).toString());
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  } catch {
    return [];
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  // What lies there may be a link.
  await rm(path, { recursive: true, force: true });
  await writeFile(path, text, { flag: 'wx', flush: true });
  await syncDirectory(dirname(path));
}
