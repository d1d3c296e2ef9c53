import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { type KeyPlace, lstatBelow, lstatOf, versionNames } from './local-files.ts';
import { ownerState } from './local-owner.ts';
import type { CurrentObject, HistoryEntry, VersionId } from './store.ts';

/**
 * How a version's file ends: `7` is version 7, `7.deleted` a delete marker. What plain readers get is the moment at which a version
 * comes or goes: `7.new`, and `7` beside `7.removed`, count only while they are what plain readers get, wherever a crash left
 * them. `7.removed` stays, so that its number is never given again.
 */
const VERSION_FILE = /^([1-9]\d{0,14})(\.deleted|\.new|\.removed)?$/;

/** How a file ends that is being written. */
export const STAGED = 'part';

/** One version, as it lies there. */
export interface KeptVersion {
  readonly number: number;
  readonly name: string;
  readonly isDeleted: boolean;
  readonly stats: BigIntStats;
}

/** What a local store holds of one key. */
export interface KeyState {
  readonly place: KeyPlace;
  /** Newest first. */
  readonly versions: readonly KeptVersion[];
  /** What plain readers get: a file, or a link or a pipe that was put there. */
  readonly visible: BigIntStats | undefined;
  /** Whether plain readers get just what the newest version says. Otherwise somebody wrote or deleted by hand. */
  readonly isSettled: boolean;
  /** The highest number that was ever given. */
  readonly last: number;
  /** Files of writes that never became visible, and whose process is gone. */
  readonly leftovers: readonly string[];
}

/** Reads what there is of a key; again where a writer was at work in the midst of it. */
export async function readState(root: string, place: KeyPlace): Promise<KeyState> {
  let state = await readOnce(root, place);
  for (let attempt = 0; !state.isSettled && attempt < 3; attempt++) {
    const again = await readOnce(root, place);
    const isSame = again.visible?.ino === state.visible?.ino && again.last === state.last && again.isSettled === state.isSettled;
    state = again;
    if (isSame) break;
  }
  return state;
}

async function readOnce(root: string, place: KeyPlace): Promise<KeyState> {
  const found = lstatBelow(root, place.segments);
  const visible = found?.isDirectory() ? undefined : found;
  const names = new Set(await versionNames(root, place));
  const versions: KeptVersion[] = [];
  const leftovers: string[] = [];
  let last = 0;
  for (const name of names) {
    if (name.endsWith(`.${STAGED}`) && ownerState(name) === 'dead') leftovers.push(name);
    const [, digits, ending] = VERSION_FILE.exec(name) ?? [];
    if (digits === undefined) continue;
    const number = Number(digits);
    last = Math.max(last, number);
    const stats = ending === '.removed' ? undefined : lstatOf(join(place.versions, name));
    if (!stats?.isFile()) continue;
    const version = { number, name, isDeleted: ending === '.deleted', stats };
    const isHalf = ending === '.new' || names.has(`${digits}.removed`);
    if (isHalf && !isShown(version, visible)) leftovers.push(name);
    else versions.push(version);
  }
  versions.sort((a, b) => b.number - a.number);
  return { place, versions, visible, isSettled: isSettled(versions[0], visible), last, leftovers };
}

function isSettled(newest: KeptVersion | undefined, visible: BigIntStats | undefined): boolean {
  return newest === undefined ? visible === undefined : isShown(newest, visible);
}

/** Whether plain readers get what a version says. */
function isShown({ isDeleted, stats }: KeptVersion, visible: BigIntStats | undefined): boolean {
  if (isDeleted || visible === undefined) return isDeleted && visible === undefined;
  return isSameFile(visible, stats);
}

/** Whether the visible file was made of a version: it is that file, or a copy that was given its size and time. */
export function isSameFile(visible: BigIntStats, version: BigIntStats): boolean {
  if (!visible.isFile()) return false;
  if (visible.ino === version.ino && visible.dev === version.dev) return true;
  return visible.size === version.size && visible.mtimeNs === version.mtimeNs;
}

/** What plain readers get. */
export function currentOf({ place, versions, visible, isSettled }: KeyState): CurrentObject | undefined {
  if (visible === undefined) return undefined;
  const [newest] = versions;
  const version = isSettled && newest !== undefined ? versionId(newest) : unversioned(visible);
  return { key: place.key, version, size: Number(visible.size), tag: version };
}

/** The history of a key, newest first. What was done by hand stands first, as a bucket would have kept it. */
export function entriesOf(state: KeyState): readonly HistoryEntry[] {
  const { place, versions, visible, isSettled } = state;
  const [newest] = versions;
  const entries: HistoryEntry[] = versions.map((version) => ({
    key: place.key,
    version: versionId(version),
    size: Number(version.stats.size),
    isCurrent: isSettled && version === newest,
    isDeleted: version.isDeleted,
    modified: version.stats.mtime,
  }));
  const current = currentOf(state);
  if (isSettled) return entries;
  if (current !== undefined && visible !== undefined) {
    return [
      { key: place.key, version: current.version, size: current.size, isCurrent: true, isDeleted: false, modified: visible.mtime },
      ...entries,
    ];
  }
  // The file is gone: nobody knows since when.
  const modified = newest?.stats.mtime ?? new Date(0);
  return [{ key: place.key, version: DELETED_BY_HAND, size: 0, isCurrent: true, isDeleted: true, modified }, ...entries];
}

/** The version that stands for a file's being gone while its versions are there. */
export const DELETED_BY_HAND = 'unversioned-deleted' as VersionId;

export function versionId({ number }: Pick<KeptVersion, 'number'>): VersionId {
  return String(number) as VersionId;
}

/** The version of what somebody put there by hand: it is told by what tells files apart. */
export function unversioned({ ino, mtimeNs }: BigIntStats): VersionId {
  return `unversioned-${ino}-${mtimeNs}` as VersionId;
}
