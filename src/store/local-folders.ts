import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, systemErrorCode } from '../core/index.ts';
import { inParallel } from './in-parallel.ts';
import { checkName, collision, linkInStore, lstatOf } from './local-files.ts';

const SYNCS_AT_ONCE = 4;

/** The folders that one operation works in: each is looked at once, and made durable once. */
export class LocalFolders {
  readonly #root: string;
  readonly #known = new Set<string>();
  readonly #changed = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Makes the folders below the root that are not there.
   *
   * @throws MlsignError `link-in-store`, `key-collision` where a file lies in the way or a folder's name differs only in case or
   *   Unicode form
   */
  async make(segments: readonly string[], key: string): Promise<void> {
    await this.#makeRoot();
    let path = this.#root;
    for (const segment of segments) {
      const parent = path;
      path = join(path, segment);
      if (this.#known.has(path)) continue;
      const stats = lstatOf(path);
      if (stats === undefined) await this.#makeOne(parent, path);
      else if (stats.isSymbolicLink()) throw linkInStore(path);
      else if (!stats.isDirectory()) throw collision(key, path, 'a file where a folder must be');
      else await checkName(parent, segment, stats, key);
      this.#known.add(path);
    }
  }

  /** Notes that names in a folder are to be made durable. */
  changed(path: string): void {
    // Windows cannot open directories; there the rename itself is journaled.
    if (process.platform !== 'win32') this.#changed.add(path);
  }

  /** Makes every name durable. */
  async sync(): Promise<void> {
    await inParallel([...this.#changed], SYNCS_AT_ONCE, undefined, syncFolder);
    this.#changed.clear();
  }

  async #makeRoot(): Promise<void> {
    if (this.#known.has(this.#root)) return;
    try {
      await makeDirectory(this.#root);
    } catch (error) {
      // That is what mkdir says of a file.
      throw systemErrorCode(error) === 'EEXIST' ? Object.assign(new Error('not a directory'), { code: 'ENOTDIR' }) : error;
    }
    this.#known.add(this.#root);
  }

  async #makeOne(parent: string, path: string): Promise<void> {
    try {
      await mkdir(path);
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    }
    this.changed(parent);
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    // Whoever may write into a directory need not be allowed to list it.
    if (['EACCES', 'EPERM'].includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  });
  try {
    await handle?.sync();
  } finally {
    await handle?.close();
  }
}
