/** Paths that are never signed, only at the model's root (OMS §6.2). */
export const DEFAULT_IGNORED: readonly string[] = ['.git', '.gitattributes', '.github', '.gitignore'];

/** One byte range of a file, as a resource names it: `path:start:end`, end exclusive (OMS §6.3.2). */
export interface ShardName {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

// The last two parts are the range: a path may hold colons itself.
const SHARD_NAME = /^(.+):(0|[1-9]\d{0,15}):(0|[1-9]\d{0,15})$/su;
const CONTROL = /\p{Cc}/u;
const WINDOWS_ROOT = /^[A-Za-z]:\//u;

/** The name of a byte range. */
export function shardName(path: string, start: number, end: number): string {
  return `${path}:${start}:${end}`;
}

/** The parts of a shard's name, or undefined where it is not one: canonical decimals, start before end, both at most 2⁵³−1. */
export function parseShardName(name: string): ShardName | undefined {
  const match = SHARD_NAME.exec(name);
  const [, path, from, to] = match ?? [];
  if (path === undefined) return undefined;
  const start = Number(from);
  const end = Number(to);
  return start < end && Number.isSafeInteger(end) ? { path, start, end } : undefined;
}

/**
 * Why a string may not name a file of a model, or undefined where it may (OMS §6.1.2). The same on every platform, so
 * that a manifest means the same everywhere.
 */
export function checkResourceName(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (!name.isWellFormed()) return 'holds an unpaired surrogate';
  if (CONTROL.test(name)) return 'holds a control character';
  if (name.includes('\\')) return 'holds a backslash';
  if (name.startsWith('/') || WINDOWS_ROOT.test(name)) return 'is an absolute path';
  if (name.endsWith('/')) return 'ends in "/"';
  for (const segment of name.split('/')) {
    if (segment === '') return 'holds "//"';
    if (segment === '.' || segment === '..') return `holds a "${segment}" segment`;
  }
  return undefined;
}

/** Why a string may not be an ignored path, or undefined where it may: names, and no glob characters (OMS §6.2.1). */
export function checkIgnorePath(path: string): string | undefined {
  return checkResourceName(path) ?? (/[*?[]/u.test(path) ? 'holds a glob character' : undefined);
}
