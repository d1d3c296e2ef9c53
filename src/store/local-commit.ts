import { constants } from 'node:fs';
import { chmod, copyFile, link, lstat, open, rename, rm, unlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemErrorCode } from '../core/index.ts';
import { clone, notAFile } from './local-copy.ts';
import { ABSENT, checkName, collision, type KeyPlace, lstatOf } from './local-files.ts';
import type { LocalFolders } from './local-folders.ts';
import { underLock } from './local-lock.ts';
import { ownedName } from './local-owner.ts';
import { type KeptVersion, type KeyState, readState, STAGED, versionId } from './local-state.ts';
import type { StoredObject, VersionId } from './store.ts';

/** Windows replaces no file that is read-only. */
const READ_ONLY = process.platform === 'win32' ? 0o666 : 0o444;
/** What file systems without hard links (FAT, some network shares) say. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK'];

/** Changes what a store holds of one key, which nobody else changes meanwhile. */
export class KeyWriter {
  readonly #root: string;
  readonly #place: KeyPlace;
  readonly #folders: LocalFolders;

  /** @param folders what is written is durable once they are synced */
  constructor(root: string, place: KeyPlace, folders: LocalFolders) {
    this.#root = root;
    this.#place = place;
    this.#folders = folders;
  }

  /** A path for a file that becomes a version, or is given up: it is never visible to plain readers. */
  async stage(): Promise<string> {
    await this.#makeVersions();
    return join(this.#place.versions, ownedName(STAGED));
  }

  /** Takes a staged file back, where it became no version. */
  async drop(staged: string): Promise<void> {
    await unlink(staged).catch(() => undefined);
  }

  /** Does work on the key's state under its lock, once what was left half done is tidied up. */
  async change<T>(signal: AbortSignal | undefined, work: (state: KeyState) => Promise<T>): Promise<T> {
    await this.#makeVersions();
    return await underLock(this.#place.versions, signal, async () => {
      const state = await this.#tidied();
      return await work(state);
    });
  }

  /** Keeps what somebody did by hand as versions, as a bucket would have. */
  async settle(state: KeyState): Promise<KeyState> {
    if (state.isSettled) return state;
    const number = state.last + 1;
    if (state.visible === undefined) await this.#mark(number);
    else {
      if (!state.visible.isFile()) throw notAFile(this.#place.path);
      await this.#expose(this.#place.path, join(this.#place.versions, String(number)));
    }
    return await readState(this.#root, this.#place);
  }

  /**
   * Makes a staged file, complete and synced, the newest version and what plain readers get. A crash leaves either all of it
   * or nothing.
   */
  async commit(staged: string, state: KeyState): Promise<StoredObject> {
    const settled = await this.settle(state);
    const { path, key, segments, versions } = this.#place;
    await this.#makeFolders(segments.slice(0, -1));
    const there = lstatOf(path);
    if (there?.isDirectory()) throw collision(key, path, 'a folder');
    if (there !== undefined) await checkName(dirname(path), segments.at(-1) ?? '', there, key);
    const number = settled.last + 1;
    const version = join(versions, String(number));
    await makeLater(staged, settled.versions[0]);
    await rename(staged, `${version}.new`);
    await this.#expose(`${version}.new`, path);
    await rename(`${version}.new`, version);
    const { size } = await lstat(version);
    return { key, version: versionId({ number }), size };
  }

  /** Makes a delete marker the newest version. */
  async hide(state: KeyState): Promise<VersionId> {
    const { last } = await this.settle(state);
    await this.show(undefined);
    return await this.#mark(last + 1);
  }

  async #mark(number: number): Promise<VersionId> {
    await (await open(join(this.#place.versions, `${number}.deleted`), 'wx', 0o444)).close();
    return versionId({ number });
  }

  /** Removes one version; where it was the newest, plain readers get the one before. */
  async remove(version: KeptVersion, state: KeyState): Promise<void> {
    const { versions } = this.#place;
    const [newest, before] = state.versions;
    if (version === newest) {
      // Its number must never be given to other bytes.
      await (await open(join(versions, `${version.number}.removed`), 'a')).close();
      if (state.isSettled) await this.show(before);
    }
    await unlink(join(versions, version.name));
    this.#folders.changed(versions);
  }

  /** Gives plain readers a version, or nothing where there is none or it is a delete marker. */
  async show(version: KeptVersion | undefined): Promise<void> {
    const { path, versions, segments } = this.#place;
    if (version !== undefined && !version.isDeleted) {
      await this.#makeFolders(segments.slice(0, -1));
      return await this.#expose(join(versions, version.name), path);
    }
    await unlink(path).catch((error: unknown) => {
      if (!ABSENT.includes(systemErrorCode(error) ?? '')) throw error;
    });
    this.#folders.changed(dirname(path));
  }

  /** Makes the bytes of one file appear at another path, at once and whole: cloned, linked or copied. */
  async #expose(from: string, to: string): Promise<void> {
    const temporary = join(this.#place.versions, ownedName(STAGED));
    try {
      if (await clone(from, temporary)) await finishCopy(from, temporary);
      else await linkOrCopy(from, temporary);
      await rename(temporary, to);
    } finally {
      await unlink(temporary).catch(() => undefined);
    }
    this.#folders.changed(dirname(to));
  }

  async #makeVersions(): Promise<void> {
    await this.#makeFolders(this.#place.versionSegments);
    this.#folders.changed(this.#place.versions);
  }

  async #makeFolders(segments: readonly string[]): Promise<void> {
    await this.#folders.make(segments, this.#place.key);
  }

  /** The state, once what a crash left is ended or taken back. */
  async #tidied(): Promise<KeyState> {
    const { versions } = this.#place;
    const state = await readState(this.#root, this.#place);
    for (const name of state.leftovers) await rm(join(versions, name), { force: true });
    const [newest] = state.versions;
    if (newest?.name.endsWith('.new')) await rename(join(versions, newest.name), join(versions, String(newest.number)));
    return state.leftovers.length === 0 && !newest?.name.endsWith('.new') ? state : await readState(this.#root, this.#place);
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.includes(systemErrorCode(error) ?? '')) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
    return await finishCopy(from, to);
  }
  await chmod(to, (await lstat(to)).mode & READ_ONLY).catch(() => undefined);
}

/** Gives a copy the time of its original, by which it is known, and makes it durable. */
async function finishCopy(from: string, to: string): Promise<void> {
  const { mtimeMs, mode } = await lstat(from);
  const time = Math.floor(mtimeMs);
  await chmod(to, 0o600);
  await seal(to, time, mode);
  // Whoever put a file there by hand may be another user; then it stays what it is.
  if (time !== mtimeMs) await utimes(from, time / 1000, time / 1000).catch(() => undefined);
}

/** Ends the writing of a file: a time in whole milliseconds, which every copy can have, read-only, and durable. */
async function seal(path: string, time: number, mode: number): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.utimes(time / 1000, time / 1000);
    await handle.chmod(mode & READ_ONLY);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Ends the writing of a staged file. */
export async function sealStaged(path: string, mode: number): Promise<void> {
  await seal(path, Math.floor((await lstat(path)).mtimeMs), mode | 0o400);
}

/** Writes a small staged file. */
export async function writeStaged(path: string, data: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(data);
  } finally {
    await handle.close();
  }
  await sealStaged(path, (await lstat(path)).mode);
}

/** Makes a staged file later than the version before, so that one is never taken for the other. */
async function makeLater(path: string, newest: KeptVersion | undefined): Promise<void> {
  const before = newest === undefined ? 0 : Number(newest.stats.mtimeNs / 1_000_000n);
  const { mtimeMs, mode } = await lstat(path);
  if (mtimeMs > before) return;
  await chmod(path, 0o600);
  // Some file systems keep but every second second.
  for (const step of [1, 10, 2000]) {
    await seal(path, before + step, mode);
    if ((await lstat(path)).mtimeMs > before) return;
    await chmod(path, 0o600);
  }
}
