import { lstat, mkdir, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { fileError, makeDirectory, refused, unavailable } from '../core/index.ts';
import { syncDirectory } from './pull-target.ts';
import type { StoredFile } from './stored-model.ts';

/** Where each file of a release is staged, and what was left there by an interrupted pull. */
export interface StagedFiles {
  /** By file, in their order. */
  readonly paths: readonly string[];
  /** Every directory of the tree, the root first. */
  readonly directories: readonly string[];
}

/**
 * Makes the directories for files, and removes whatever else lies in the tree: what an interrupted pull left is kept only
 * where it is a regular file under a name of the release.
 *
 * @throws MlsignError `names-collide` where two names are one on this file system, `disk-full`, and what {@link fileError} gives
 */
export async function stageFiles(root: string, files: readonly StoredFile[]): Promise<StagedFiles> {
  try {
    const names = new Set(files.map(({ name }) => name));
    const folders = foldersOf(names);
    await makeDirectory(root);
    const kept = await clean(root, '', names, folders);
    const directories = [root];
    for (const folder of folders) {
      const path = join(root, ...folder.split('/'));
      await mkdir(path, { recursive: true });
      directories.push(path);
    }
    await refuseCollisions(root, [...names, ...folders]);
    await refuseFullDisk(root, files.reduce((sum, { object }) => sum + object.size, 0) - kept);
    return { paths: files.map(({ name }) => join(root, ...name.split('/'))), directories };
  } catch (error) {
    throw fileError(error, 'stage the model', root);
  }
}

/** Makes every entry of the staged directories last, the deepest first. */
export async function syncDirectories(directories: readonly string[]): Promise<void> {
  for (const directory of directories.toReversed()) await syncDirectory(directory);
}

/** Every directory on the way to a file, parents first. */
function foldersOf(names: ReadonlySet<string>): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const name of names) {
    for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) folders.add(name.slice(0, at));
  }
  for (const folder of folders) {
    if (names.has(folder)) throw collision(folder, `${folder}/`);
  }
  return folders;
}

/** Bytes of the files that stay. */
async function clean(root: string, prefix: string, names: ReadonlySet<string>, folders: ReadonlySet<string>): Promise<number> {
  let kept = 0;
  for (const entry of await readdir(join(root, prefix), { withFileTypes: true })) {
    const name = `${prefix}${entry.name}`;
    const path = join(root, name);
    if (entry.isDirectory() && folders.has(name)) kept += await clean(root, `${name}/`, names, folders);
    else {
      const stats = await lstat(path);
      // A second name of some other file must not be written through.
      if (stats.isFile() && stats.nlink === 1 && names.has(name)) kept += stats.size;
      else await rm(path, { recursive: true, force: true });
    }
  }
  return kept;
}

/** Names that differ only in letter case or Unicode form: some file systems take them for one. */
async function refuseCollisions(root: string, names: readonly string[]): Promise<void> {
  const seen = new Map<string, string>();
  let probe: Promise<boolean> | undefined;
  for (const name of names) {
    const folded = name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');
    const other = seen.get(folded);
    seen.set(folded, name);
    if (other === undefined) continue;
    probe ??= foldsNames(root, other, name);
    if (await probe) throw collision(other, name);
  }
}

/** Whether the file system takes two names for one. */
async function foldsNames(root: string, one: string, other: string): Promise<boolean> {
  const place = join(root, '.mlsign-names');
  const flat = (name: string): string => join(place, name.replaceAll('/', '_').slice(-60));
  try {
    await mkdir(place, { recursive: true });
    await mkdir(flat(one), { recursive: true });
    return await lstat(flat(other)).then(
      () => true,
      () => false,
    );
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

function collision(one: string, other: string) {
  return refused('names-collide', 'two files of the model cannot both lie on this file system', {
    subject: other,
    expected: 'names that stay different',
    got: `${one} and ${other}`,
    suggestions: ['pull it to a file system that tells letter case and Unicode forms apart'],
  });
}

async function refuseFullDisk(root: string, bytes: number): Promise<void> {
  const free = await statfs(root).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => undefined,
  );
  if (free === undefined || free >= bytes) return;
  throw unavailable('disk-full', 'there is too little space for the model', {
    subject: root,
    expected: `${bytes} bytes`,
    got: `${free} bytes free`,
    suggestions: ['free some space, or pull it elsewhere'],
  });
}
