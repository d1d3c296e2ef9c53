import { groupByFile, type Manifest, type ManifestFile } from '../formats/index.ts';
import { matchByContent } from './content-match.ts';
import { type ByteRange, changedRanges } from './shard-ranges.ts';

/** A file that two manifests have with other content. */
export interface ChangedFile {
  readonly name: string;
  readonly before: ManifestFile;
  readonly after: ManifestFile;
  /** The ranges that both have and that differ; known only in shards. */
  readonly ranges?: readonly ByteRange[];
}

/** What is different between two manifests, names in the order of the manifests. */
export interface ManifestDiff {
  /** Whether both were hashed in the same way; otherwise only names are compared. */
  readonly comparable: boolean;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly ChangedFile[];
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
  readonly same: readonly string[];
  /** Names in both whose content could not be compared. */
  readonly uncompared: readonly string[];
}

/** Compares two manifests, `before` and `after`. */
export function diffManifests(before: Manifest, after: Manifest): ManifestDiff {
  const [old, now] = sameSingleName(groupByFile(before), groupByFile(after));
  const removed = [...old.keys()].filter((name) => !now.has(name));
  const added = [...now.keys()].filter((name) => !old.has(name));
  const common = [...old.keys()].filter((name) => now.has(name));
  if (!isComparable(before, after)) {
    return { comparable: false, added, removed, changed: [], renamed: [], same: [], uncompared: common };
  }
  const renamed = matchByContent(contentOf(old, removed), contentOf(now, added));
  const renamedTo = new Set(renamed.values());
  const { shardSize } = before.serialization;
  const changed = common.flatMap((name) => changedFile(name, old.get(name), now.get(name), shardSize));
  const changedNames = new Set(changed.map(({ name }) => name));
  return {
    comparable: true,
    added: added.filter((name) => !renamedTo.has(name)),
    removed: removed.filter((name) => !renamed.has(name)),
    changed,
    renamed: [...renamed].map(([from, to]) => ({ from, to })),
    same: common.filter((name) => !changedNames.has(name)),
    uncompared: [],
  };
}

type Files = ReadonlyMap<string, ManifestFile>;

/** A single file is named `.` by the reference implementation and by its name elsewhere. */
function sameSingleName(before: Files, after: Files): readonly [Files, Files] {
  const [old] = before;
  const [now] = after;
  if (before.size !== 1 || after.size !== 1 || old === undefined || now === undefined) return [before, after];
  if (old[0] === '.') return [new Map([[now[0], old[1]]]), after];
  return now[0] === '.' ? [before, new Map([[old[0], now[1]]])] : [before, after];
}

function isComparable({ serialization: a }: Manifest, { serialization: b }: Manifest): boolean {
  return a.method === b.method && a.hashType === b.hashType && a.shardSize === b.shardSize;
}

function contentOf(files: Files, names: readonly string[]) {
  return names.map((name) => ({ name, digests: files.get(name)?.digests ?? [] }));
}

function changedFile(
  name: string,
  before: ManifestFile | undefined,
  after: ManifestFile | undefined,
  shardSize: number | undefined,
): readonly ChangedFile[] {
  if (before === undefined || after === undefined || before.digests.join() === after.digests.join()) return [];
  if (shardSize === undefined || before.size === undefined || after.size === undefined) return [{ name, before, after }];
  const ranges = changedRanges({ size: before.size, digests: before.digests }, { size: after.size, digests: after.digests }, shardSize);
  return [{ name, before, after, ranges }];
}
