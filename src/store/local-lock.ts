import { lstat, open, unlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { interrupted, throwIfAborted, unavailable } from '../core/index.ts';
import { namesIn } from './local-files.ts';
import { ownedName, ownerState } from './local-owner.ts';

const ENDING = 'lock';
/** How long one waits for others, in milliseconds. */
export interface LockTimes {
  /** For a lock. */
  readonly wait: number;
  /** For a sign of life of a lock's owner on another machine or in another container: after that it belongs to nobody. */
  readonly silent: number;
  /** Between one's own signs of life. */
  readonly beat: number;
}

const TIMES: LockTimes = { wait: 30_000, silent: 20_000, beat: 4_000 };

/**
 * Does work while no other process works under a lock in the same directory. Every contender makes a file of its own and then
 * looks for those of others: it is alone, or it waits; so nobody ever takes the file of a living process away, as can
 * happen where a single lock file is taken over.
 *
 * @throws MlsignError `store-locked` after half a minute, `interrupted`
 */
export async function underLock<T>(directory: string, signal: AbortSignal | undefined, work: () => Promise<T>, times = TIMES): Promise<T> {
  const own = ownedName(ENDING);
  const path = join(directory, own);
  const others = new Rivals(directory, own, times.silent);
  const end = performance.now() + times.wait;
  let isIn = false;
  const beat = setInterval(() => void touch(path), times.beat).unref();
  try {
    for (;;) {
      throwIfAborted(signal);
      const rivals = await others.living();
      if (rivals.length === 0) {
        if (isIn) break;
        await (await open(path, 'wx')).close();
        isIn = true;
        continue;
      }
      if (performance.now() > end) throw locked(directory, rivals);
      // Of those who wait, one stays: two that step back for each other could do so for ever.
      if (isIn && rivals.some((rival) => rival < own)) {
        isIn = false;
        await unlink(path);
      }
      await pause(signal);
    }
    return await work();
  } finally {
    clearInterval(beat);
    if (isIn) await unlink(path);
  }
}

/** The locks of others in one directory, and how long they have been silent. */
class Rivals {
  readonly #directory: string;
  readonly #own: string;
  readonly #silent: number;
  readonly #heard = new Map<string, { readonly beat: number; readonly at: number }>();

  constructor(directory: string, own: string, silent: number) {
    this.#directory = directory;
    this.#own = own;
    this.#silent = silent;
  }

  async living(): Promise<readonly string[]> {
    const living: string[] = [];
    for (const name of await namesIn(this.#directory)) {
      if (name === this.#own || !name.endsWith(`.${ENDING}`)) continue;
      if (await this.#isLiving(name)) living.push(name);
      else await unlink(join(this.#directory, name)).catch(() => undefined);
    }
    return living;
  }

  async #isLiving(name: string): Promise<boolean> {
    const state = ownerState(name);
    if (state !== 'unknown') return state === 'alive';
    const beat = (await lstat(join(this.#directory, name)).catch(() => undefined))?.mtimeMs ?? 0;
    const now = performance.now();
    const last = this.#heard.get(name);
    if (last?.beat !== beat) this.#heard.set(name, { beat, at: now });
    return last?.beat !== beat || now - last.at < this.#silent;
  }
}

async function touch(path: string): Promise<void> {
  const { mtimeMs } = await lstat(path).catch(() => ({ mtimeMs: undefined }));
  if (mtimeMs !== undefined) await utimes(path, mtimeMs / 1000 + 1, mtimeMs / 1000 + 1).catch(() => undefined);
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await delay(2 + Math.random() * 20, undefined, { signal });
  } catch {
    throw interrupted();
  }
}

function locked(directory: string, rivals: readonly string[]): Error {
  return unavailable('store-locked', 'another process has been working on this object for too long', {
    subject: directory,
    got: rivals.join(', '),
    suggestions: ['try again', 'where no other mlsign runs, remove the files named'],
  });
}
