import type { Dirent } from 'node:fs';
import { opendir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareCodePoints, decodeUtf8, refused, systemErrorCode, throwIfAborted } from '../core/index.ts';
import { ABSENT } from './local-files.ts';
import { isOfVersions, prefixSegments, VERSIONS } from './local-key.ts';

const KEY_FOLDER = '.v';
const ENTRIES_AT_ONCE = 1000;

/** Walks the keys of a local store: of what plain readers find, and of what versions there are. */
export class LocalWalk {
  readonly #root: string;
  readonly #signal: AbortSignal | undefined;

  constructor(root: string, signal: AbortSignal | undefined) {
    this.#root = root;
    this.#signal = signal;
  }

  /** Every key with a prefix that may have a history, in code point order. */
  async *keys(prefix: string): AsyncGenerator<string> {
    const { folder, start } = prefixSegments(prefix);
    yield* this.#keysIn(folder, start);
  }

  /** Names of folders directly beneath a prefix that have a key beneath them which `isKept`, in code point order. */
  async folders(prefix: string, isKept: (key: string) => Promise<boolean>): Promise<readonly string[]> {
    const { folder, start } = prefixSegments(prefix);
    const found: string[] = [];
    for (const child of await this.#children(folder)) {
      const name = child.slice(0, -1);
      if (!child.endsWith('/') || !child.startsWith(start)) continue;
      for await (const key of this.#keysIn([...folder, name], '')) {
        if (!(await isKept(key))) continue;
        found.push(name);
        break;
      }
    }
    return found.sort(compareCodePoints);
  }

  async *#keysIn(folder: readonly string[], start: string): AsyncGenerator<string> {
    for (const child of await this.#children(folder)) {
      if (!child.startsWith(start)) continue;
      throwIfAborted(this.#signal);
      if (child.endsWith('/')) yield* this.#keysIn([...folder, child.slice(0, -1)], '');
      else yield [...folder, child].join('/');
    }
  }

  /** Names in a folder, those of folders with `/`: so they sort as keys do. */
  async #children(folder: readonly string[]): Promise<readonly string[]> {
    throwIfAborted(this.#signal);
    if (isOfVersions(folder)) return [];
    const children = new Set<string>();
    for await (const entry of entriesIn(join(this.#root, ...folder))) {
      children.add(entry.isDirectory() ? `${entry.name}/` : entry.name);
    }
    for await (const entry of entriesIn(join(this.#root, ...VERSIONS, ...folder))) {
      if (!entry.isDirectory()) continue;
      children.add(`${entry.name}/`);
      if (entry.name.endsWith(KEY_FOLDER)) children.add(entry.name.slice(0, -KEY_FOLDER.length));
    }
    return [...children].sort(compareCodePoints);
  }
}

/** One after the other: a directory may hold a million. */
async function* entriesIn(path: string): AsyncGenerator<Dirent> {
  let isUtf8 = false;
  try {
    for await (const entry of await opendir(path, { bufferSize: ENTRIES_AT_ONCE })) {
      // A replacement character stands for bytes that are not UTF-8, or for itself.
      if (!isUtf8 && entry.name.includes('\uFFFD')) {
        await checkUtf8(path);
        isUtf8 = true;
      }
      yield entry;
    }
  } catch (error) {
    if (!ABSENT.includes(systemErrorCode(error) ?? '')) throw error;
  }
}

/** A file that no key names could not be told of, and a plain loader would read it. */
async function checkUtf8(path: string): Promise<void> {
  const wrong = (await readdir(path, { encoding: 'buffer' })).find((name) => decodeUtf8(name) === undefined);
  if (wrong === undefined) return;
  throw refused('name-invalid', 'a name in the store is not valid UTF-8', {
    subject: join(path, wrong.toString('utf8')),
    expected: 'valid UTF-8',
    got: `bytes ${wrong.toString('hex')}`,
    suggestions: ['remove the file, or rename it'],
  });
}
