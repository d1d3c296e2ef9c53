import { constants } from 'node:fs';
import { chmod, copyFile, link, lstat, open, rename, rmdir, unlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemErrorCode } from '../core/index.ts';
import { clone, notAFile } from './local-copy.ts';
import { checkName, collision, type KeyPlace, lstatOf, makeFolders, namesIn, syncFolder } from './local-files.ts';
import { underLock } from './local-lock.ts';
import { ownedName, ownerState } from './local-owner.ts';
import { type KeptVersion, type KeyState, readState, versionId } from './local-state.ts';
import type { StoredObject } from './store.ts';

/** Of a file that is being written. */
export const STAGED = 'part';
/** What file systems without hard links (FAT, some network shares) say. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EMLINK'];

/** Changes what a store holds of one key, which nobody else changes meanwhile. */
export class KeyWriter {
  readonly #root: string;
  readonly #place: KeyPlace;

  constructor(root: string, place: KeyPlace) {
    this.#root = root;
    this.#place = place;
  }

  /** A path for a file that becomes a version, or is given up: it is never visible to plain readers. */
  async stage(): Promise<string> {
    await this.#makeVersions();
    return join(this.#place.versions, ownedName(STAGED));
  }

  /** Takes a staged file back, where it became no version. */
  async drop(staged: string): Promise<void> {
    await unlink(staged).catch(() => undefined);
    await removeEmpty(this.#root, this.#place.versionSegments);
  }

  /** Does work on the key's state under its lock, once what was left half done is tidied up. */
  async change<T>(signal: AbortSignal | undefined, work: (state: KeyState) => Promise<T>): Promise<T> {
    const { versions } = this.#place;
    try {
      return await underLock(
        versions,
        () => this.#makeVersions(),
        signal,
        async () => {
          await this.#tidy();
          return await work(await readState(this.#root, this.#place));
        },
      );
    } finally {
      await removeEmpty(this.#root, this.#place.versionSegments);
    }
  }

  /** Keeps what somebody did by hand as versions, as a bucket would have. */
  async settle(state: KeyState): Promise<KeyState> {
    if (state.isSettled) return state;
    const name = join(this.#place.versions, String(state.last + 1));
    if (state.visible === undefined) await (await open(`${name}.deleted`, 'wx', 0o444)).close();
    else {
      if (!state.visible.isFile()) throw notAFile(this.#place.path);
      await this.#expose(this.#place.path, name);
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
    await makeFolders(this.#root, segments.slice(0, -1), key);
    const there = await lstatOf(path);
    if (there?.isDirectory()) throw collision(key, path, 'a folder');
    if (there !== undefined) await checkName(dirname(path), segments.at(-1) ?? '', there, key);
    const number = settled.last + 1;
    const version = join(versions, String(number));
    await makeLater(staged, settled.versions[0]);
    await rename(staged, `${version}.new`);
    await this.#expose(`${version}.new`, path);
    await rename(`${version}.new`, version);
    await syncFolder(versions);
    const { size } = await lstat(version);
    return { key, version: versionId({ number }), size };
  }

  /** Removes one version; where it was the newest, plain readers get the one before. */
  async remove(version: KeptVersion, state: KeyState): Promise<void> {
    const { versions } = this.#place;
    const [newest] = state.versions;
    if (version === newest) {
      await this.show(state.versions[1]);
      // Its number must never be given to other bytes.
      await (await open(join(versions, `${state.last}.removed`), 'a')).close();
    }
    await unlink(join(versions, version.name));
    await syncFolder(versions);
  }

  /** Gives plain readers a version, or nothing where there is none or it is a delete marker. */
  async show(version: KeptVersion | undefined): Promise<void> {
    const { path, versions, segments } = this.#place;
    if (version !== undefined && !version.isDeleted) {
      await makeFolders(this.#root, segments.slice(0, -1), this.#place.key);
      return await this.#expose(join(versions, version.name), path);
    }
    await unlink(path).catch((error: unknown) => {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    });
    await syncFolder(dirname(path));
    await removeEmpty(this.#root, segments.slice(0, -1));
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
    await syncFolder(dirname(to));
  }

  async #makeVersions(): Promise<void> {
    await makeFolders(this.#root, this.#place.versionSegments, this.#place.key);
  }

  /** Ends or takes back what a crash left, and removes what dead processes staged. */
  async #tidy(): Promise<void> {
    const { versions, leftovers } = await readState(this.#root, this.#place);
    for (const name of leftovers) await unlink(join(this.#place.versions, name));
    for (const { name, number } of versions) {
      if (name.endsWith('.new')) await rename(join(this.#place.versions, name), join(this.#place.versions, String(number)));
    }
    for (const name of await namesIn(this.#place.versions)) {
      if (name.endsWith(`.${STAGED}`) && ownerState(name) === 'dead') await unlink(join(this.#place.versions, name)).catch(() => undefined);
    }
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
  await chmod(to, (await lstat(to)).mode & 0o444).catch(() => undefined);
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
    await handle.chmod(mode & 0o444);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Ends the writing of a staged file. */
export async function sealStaged(path: string, mode: number): Promise<void> {
  await seal(path, Math.floor((await lstat(path)).mtimeMs), mode | 0o400);
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

/** Removes folders, the deepest first, as long as they are empty. */
async function removeEmpty(root: string, segments: readonly string[]): Promise<void> {
  for (let depth = segments.length; depth > 0; depth--) {
    try {
      await rmdir(join(root, ...segments.slice(0, depth)));
    } catch {
      return;
    }
  }
}
