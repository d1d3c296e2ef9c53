import { compareCodePoints, type Finding } from '../core/index.ts';
import { isIgnored } from '../model/index.ts';
import type { DiffSide, FileFacts } from './diff-sides.ts';

/** Which files differ; names in code point order. */
export interface FileDiff {
  /** Only in b. */
  readonly added: readonly string[];
  /** Only in a. */
  readonly removed: readonly string[];
  /** In both, with other content. */
  readonly changed: readonly string[];
  /** The same content under another name. */
  readonly renamed: readonly Renaming[];
  /** Files of which cannot be told whether they differ: hashed in other ways, left out by one side, or refused there. */
  readonly incomparable: readonly string[];
  /** Files with the same name and content. */
  readonly same: number;
  readonly findings: readonly Finding[];
}

/** The same content under another name. */
export interface Renaming {
  readonly from: string;
  readonly to: string;
}

interface Names {
  readonly common: readonly string[];
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
  /** Left out by the manifest of the other side, or refused or unreadable there: it says nothing of them. */
  readonly untold: readonly string[];
  readonly untoldEmpty: number;
}

/** The files of each side whose digests decide: the same size under one name, or under a name of the other side alone. */
export function digestsNeeded(a: DiffSide, b: DiffSide): { readonly a: ReadonlySet<string>; readonly b: ReadonlySet<string> } {
  const { common, onlyA, onlyB } = sortNames(a, b);
  const open = common.filter((name) => compareSizes(a.files.get(name), b.files.get(name)) === 'unknown');
  const mayBeIn = (name: string, side: DiffSide, other: DiffSide, others: ReadonlySet<number | undefined>): boolean => {
    const size = side.files.get(name)?.size;
    return size !== 0 && other.files.size > 0 && (size === undefined ? others.size > 0 : others.has(size) || others.has(undefined));
  };
  const sizesA = new Set(onlyA.map((name) => a.files.get(name)?.size));
  const sizesB = new Set(onlyB.map((name) => b.files.get(name)?.size));
  return {
    a: new Set([...open, ...onlyA.filter((name) => mayBeIn(name, a, b, sizesB))]),
    b: new Set([...open, ...onlyB.filter((name) => mayBeIn(name, b, a, sizesA))]),
  };
}

/** Compares the files of two sides by name, size and digest. */
export function compareFiles(a: DiffSide, b: DiffSide): FileDiff {
  const names = sortNames(a, b);
  const changed: string[] = [];
  const incomparable = [...names.untold];
  for (const name of names.common) {
    const result = compareContent(name, a, b);
    if (result === 'different') changed.push(name);
    if (result === 'unknown') incomparable.push(name);
  }
  const renamed = findRenamed(names, a, b);
  const [from, to] = [new Set(renamed.map((pair) => pair.from)), new Set(renamed.map((pair) => pair.to))];
  return {
    added: names.onlyB.filter((name) => !to.has(name)),
    removed: names.onlyA.filter((name) => !from.has(name)),
    changed,
    renamed,
    incomparable: incomparable.sort(compareCodePoints),
    same: names.common.length - changed.length - (incomparable.length - names.untold.length),
    findings: notesOn(names, a, b),
  };
}

function sortNames(a: DiffSide, b: DiffSide): Names {
  const untold: string[] = [];
  let untoldEmpty = 0;
  const onlyIn = (side: DiffSide, other: DiffSide): readonly string[] => {
    const unread = other.findings.filter(({ severity }) => severity === 'rejected' || severity === 'undetermined');
    const silent = new Set(unread.map(({ subject }) => subject));
    return [...side.files].flatMap(([name, { size }]) => {
      if (other.files.has(name)) return [];
      if (isSilentOn(name, other, silent)) untold.push(name);
      else if (size === 0 && other.source === undefined && other.serialization.method === 'shards') untoldEmpty++;
      else return [name];
      return [];
    });
  };
  const common = [...a.files.keys()].filter((name) => b.files.has(name)).sort(compareCodePoints);
  const onlyA = onlyIn(a, b).toSorted(compareCodePoints);
  const onlyB = onlyIn(b, a).toSorted(compareCodePoints);
  return { common, onlyA, onlyB, untold, untoldEmpty };
}

function isSilentOn(name: string, { source, serialization }: DiffSide, unread: ReadonlySet<string>): boolean {
  if (source === undefined) return isIgnored(name, serialization.ignorePaths);
  for (let end = name.length; end > 0; end = name.lastIndexOf('/', end - 1)) if (unread.has(name.slice(0, end))) return true;
  return false;
}

type Comparison = 'same' | 'different' | 'unknown';

function compareSizes(a: FileFacts | undefined, b: FileFacts | undefined): Comparison {
  if (a?.size === undefined || b?.size === undefined) return 'unknown';
  if (a.size !== b.size) return 'different';
  return a.size === 0 ? 'same' : 'unknown';
}

function compareContent(name: string, a: DiffSide, b: DiffSide): Comparison {
  const [inA, inB] = [a.files.get(name), b.files.get(name)];
  const bySize = compareSizes(inA, inB);
  if (bySize !== 'unknown') return bySize;
  const [keyA, keyB] = [contentKey(inA, a, b), contentKey(inB, b, a)];
  if (keyA === undefined || keyB === undefined) return 'unknown';
  return keyA === keyB ? 'same' : 'different';
}

/** What is equal where the content is; undefined where the sides were hashed in ways that do not tell. */
function contentKey(facts: FileFacts | undefined, side: DiffSide, other: DiffSide): string | undefined {
  const [one, two] = [side.serialization, other.serialization];
  if (facts === undefined || facts.digests.length === 0 || one.hashType !== two.hashType) return undefined;
  // A file in one shard has the digest of the whole file.
  const isAlike = one.method === two.method && one.shardSize === two.shardSize;
  return isAlike || facts.digests.length === 1 ? facts.digests.join() : undefined;
}

function findRenamed({ onlyA, onlyB }: Names, a: DiffSide, b: DiffSide): readonly Renaming[] {
  const removed = new Map<string, string[]>();
  for (const name of onlyA) {
    const facts = a.files.get(name);
    const key = facts?.size === 0 ? undefined : contentKey(facts, a, b);
    if (key !== undefined) removed.set(key, [...(removed.get(key) ?? []), name]);
  }
  return onlyB.flatMap((to) => {
    const facts = b.files.get(to);
    const key = facts?.size === 0 ? undefined : contentKey(facts, b, a);
    const from = key === undefined ? undefined : removed.get(key)?.shift();
    return from === undefined ? [] : [{ from, to }];
  });
}

function notesOn({ untoldEmpty }: Names, a: DiffSide, b: DiffSide): readonly Finding[] {
  if (untoldEmpty === 0) return [];
  const message = `${untoldEmpty} zero-byte files were not compared: a manifest of shards does not name them`;
  return [{ code: 'empty-not-compared', severity: 'note', message, subject: a.source === undefined ? a.path : b.path }];
}
