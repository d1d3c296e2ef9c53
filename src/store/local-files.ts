import { type BigIntStats, lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type MlsignError, refused, systemErrorCode } from '../core/index.ts';
import { keySegments, VERSIONS } from './local-key.ts';

/** What the system says where there is nothing. */
export const ABSENT = ['ENOENT', 'ENOTDIR'];

/** Where a local store keeps what belongs to one key. */
export interface KeyPlace {
  readonly key: string;
  /** Below the root, of the file that plain readers open. */
  readonly segments: readonly string[];
  readonly path: string;
  /** Below the root, of the folder of its versions. */
  readonly versionSegments: readonly string[];
  readonly versions: string;
}

export function placeOf(root: string, key: string): KeyPlace {
  const segments = keySegments(key);
  const versionSegments = [...VERSIONS, ...segments.slice(0, -1), `${segments.at(-1)}.v`];
  return { key, segments, path: join(root, ...segments), versionSegments, versions: join(root, ...versionSegments) };
}

/** The lstat of a path; undefined where there is nothing. It waits: that takes a twentieth of the time of a promise. */
export function lstatOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (ABSENT.includes(systemErrorCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** The names in a directory; none where there is no such directory. */
export async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (ABSENT.includes(systemErrorCode(error) ?? '')) return [];
    throw error;
  }
}

/**
 * The lstat of what lies below the root, undefined where that is nothing. No symbolic link is followed on the way: it could lead
 * out of the store.
 *
 * @throws MlsignError `link-in-store`
 */
export function lstatBelow(root: string, segments: readonly string[]): BigIntStats | undefined {
  let path = root;
  let stats: BigIntStats | undefined;
  for (const segment of segments) {
    if (stats?.isSymbolicLink()) throw linkInStore(path);
    path = join(path, segment);
    stats = lstatOf(path);
    if (stats === undefined) return undefined;
  }
  return stats;
}

/**
 * The names in the folder of a key's versions. Through a link, what lies outside the store could be read, and removed.
 *
 * @throws MlsignError `link-in-store`
 */
export async function versionNames(root: string, { versionSegments, versions }: KeyPlace): Promise<readonly string[]> {
  if (lstatBelow(root, versionSegments)?.isSymbolicLink()) throw linkInStore(versions);
  return await namesIn(versions);
}

/**
 * Refuses a name that the file system takes for another one: with other case, or another Unicode form.
 *
 * @throws MlsignError `key-collision`
 */
export async function checkName(parent: string, name: string, stats: BigIntStats, key: string): Promise<void> {
  for (const alias of aliasesOf(name)) {
    const other = lstatOf(join(parent, alias));
    if (other?.ino !== stats.ino || other.dev !== stats.dev) continue;
    const names = await namesIn(parent);
    if (!names.includes(name)) {
      const got = names.find((there) => fold(there) === fold(name)) ?? alias;
      throw collision(key, join(parent, name), `${got}, which this file system takes for the same name`);
    }
  }
}

export function collision(key: string, path: string, got: string): MlsignError {
  return refused('key-collision', 'something else lies where the file of this key must be', {
    subject: path,
    expected: key,
    got,
    suggestions: ['rename one of the two', 'use a store on a file system that tells them apart, or a bucket'],
  });
}

export function linkInStore(path: string): MlsignError {
  return refused('link-in-store', 'a symbolic link in a store is not followed', {
    subject: path,
    expected: 'a folder',
    got: 'a symbolic link',
    suggestions: ['replace it by what it leads to, or remove it'],
  });
}

/** Other names that some file systems take for a name. */
function aliasesOf(name: string): readonly string[] {
  const upper = name.toUpperCase();
  const aliases = [upper === name ? name.toLowerCase() : upper, name.normalize('NFC'), name.normalize('NFD')];
  return aliases.filter((alias) => alias !== name);
}

function fold(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
