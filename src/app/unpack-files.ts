import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Manifest } from '../formats/index.ts';
import { type ArchiveSource, expectedFiles } from '../model/index.ts';
import { SIGNATURE_NAME } from './locations.ts';
import { refuseReserved } from './pull-records.ts';

/** What of an unpacked model is to appear. */
export interface KeptFiles {
  readonly files: number;
  /** Members that nobody signed. */
  readonly leftOut: number;
  /** Every directory of the tree, the root first. */
  readonly directories: readonly string[];
  /** One of the entries at the root. */
  readonly last: string;
}

/**
 * Removes from a staged archive whatever its signature does not cover, and what verifying did not accept.
 *
 * @param root where the archive is staged
 * @param empty files of zero bytes, which a manifest of shards cannot name
 * @throws MlsignError `signature-name-taken`, `staging-name-taken`
 */
export async function keepSigned(root: string, source: ArchiveSource, manifest: Manifest, empty: readonly string[]): Promise<KeptFiles> {
  const wanted = new Set([...expectedFiles(manifest, source).keys(), ...empty]);
  refuseReserved([...wanted], 'directory');
  const { hashType: algorithm, shardSize } = manifest.serialization;
  const { members } = await source.contents.hash(() => false, { algorithm, shardSize });
  const names = members.flatMap(({ name, kind }) => (kind === 'file' ? [name] : []));
  const folders = new Set<string>();
  for (const name of wanted) for (const folder of foldersAbove(name)) folders.add(folder);
  let leftOut = 0;
  for (const name of names) {
    if (wanted.has(name) || name === SIGNATURE_NAME) continue;
    leftOut++;
    await rm(join(root, ...name.split('/')), { force: true });
    for (const folder of foldersAbove(name)) {
      if (!folders.has(folder)) await rmdir(join(root, ...folder.split('/'))).catch(() => undefined);
    }
  }
  const directories = [...folders].sort((a, b) => a.length - b.length).map((folder) => join(root, ...folder.split('/')));
  const [last = ''] = [...wanted].map((name) => name.replace(/\/.*/su, ''));
  return { files: wanted.size, leftOut, directories: [root, ...directories], last };
}

/** The directories that a file lies in, the deepest first. */
function foldersAbove(name: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = dirname(name); folder !== '.'; folder = dirname(folder)) folders.push(folder);
  return folders;
}
