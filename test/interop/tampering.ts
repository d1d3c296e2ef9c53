import { cp, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Something done to a signed tree model (`treeModel`), and the findings of ours that it must lead to. */
export interface Tampering {
  readonly name: string;
  readonly codes: readonly string[];
  /** Changes the model; gets the paths of the model and of a spare folder. */
  readonly apply: (model: string, spare: string) => Promise<void>;
}

export const TAMPERINGS: readonly Tampering[] = [
  { name: 'a changed byte', codes: ['file-changed'], apply: (model) => flip(join(model, 'weights.bin'), 1500) },
  { name: 'a changed first byte', codes: ['file-changed'], apply: (model) => flip(join(model, 'deep/1/2/3/4/5/6/7/8/9/leaf.bin'), 0) },
  { name: 'a changed last byte', codes: ['file-changed'], apply: (model) => flip(join(model, 'exactly-two-shards.bin'), 1999) },
  { name: 'a changed dotfile', codes: ['file-changed'], apply: (model) => flip(join(model, '.folder/state.json'), 3) },
  { name: 'a missing file', codes: ['file-missing'], apply: (model) => rm(join(model, 'config.json')) },
  { name: 'a missing folder', codes: ['file-missing'], apply: (model) => rm(join(model, 'names'), { recursive: true }) },
  { name: 'an extra file', codes: ['file-extra'], apply: (model) => writeFile(join(model, 'extra.bin'), 'x') },
  { name: 'an extra dotfile', codes: ['file-extra'], apply: (model) => writeFile(join(model, 'deep/1/.extra'), 'x') },
  { name: 'an extra .gitignore below the root', codes: ['file-extra'], apply: (model) => writeFile(join(model, 'd', '.gitignore'), 'x') },
  { name: 'a renamed file', codes: ['file-misnamed'], apply: (model) => rename(join(model, 'd.txt'), join(model, 'e.txt')) },
  { name: 'a file moved to another folder', codes: ['file-misnamed'], apply: (model) => rename(join(model, 'd/f'), join(model, 'deep/f')) },
  {
    name: 'two files whose contents are swapped',
    codes: ['file-changed', 'file-grown', 'file-truncated'],
    apply: async (model) => {
      const [a, b] = [join(model, 'names/🤗.json'), join(model, 'names/\uff21.txt')];
      const [first, second] = [await readFile(a), await readFile(b)];
      await writeFile(a, second);
      await writeFile(b, first);
    },
  },
  { name: 'a truncated file', codes: ['file-changed', 'file-truncated'], apply: (model) => truncate(join(model, 'weights.bin'), 2400) },
  {
    name: 'a file truncated at a shard',
    codes: ['file-changed', 'file-truncated'],
    apply: (model) => truncate(join(model, 'weights.bin'), 2000),
  },
  { name: 'an emptied file', codes: ['file-changed', 'file-truncated'], apply: (model) => truncate(join(model, 'weights.bin'), 0) },
  { name: 'a grown file', codes: ['file-changed', 'file-grown'], apply: (model) => grow(join(model, 'weights.bin')) },
  { name: 'a file grown by a shard', codes: ['file-changed', 'file-grown'], apply: (model) => grow(join(model, 'exactly-one-shard.bin')) },
];

/** As {@link TAMPERINGS}, where links can be made. */
export const LINK_TAMPERINGS: readonly Tampering[] = [
  {
    name: 'a file replaced by a link to the same bytes',
    codes: ['file-symlinked'],
    apply: async (model, spare) => {
      await cp(join(model, 'weights.bin'), spare);
      await rm(join(model, 'weights.bin'));
      await symlink(spare, join(model, 'weights.bin'));
    },
  },
  { name: 'an extra link to a file', codes: ['link-refused'], apply: (model) => symlink('weights.bin', join(model, 'extra')) },
  { name: 'an extra link to a folder', codes: ['link-refused'], apply: (model) => symlink('deep', join(model, 'extra'), 'dir') },
  { name: 'a dangling link', codes: ['link-refused'], apply: (model) => symlink('nothing', join(model, 'extra')) },
];

/** Flips one bit of a byte. */
export async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

async function grow(path: string): Promise<void> {
  await writeFile(path, 'x', { flag: 'a' });
}
