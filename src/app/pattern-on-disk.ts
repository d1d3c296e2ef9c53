import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { throwIfAborted } from '../core/index.ts';
import { covers } from '../policy/index.ts';

/** Looking for longer would not make a warning better. */
const MOST_DIRECTORIES = 2000;

/**
 * Whether a pattern matches anything on this disk. What cannot be read, or would take too long to look through, may match.
 *
 * @param pattern in full
 */
export async function matchesOnDisk(pattern: string, signal?: AbortSignal): Promise<boolean> {
  const segments = pattern.split('/');
  const literal = segments.findIndex((segment) => segment.includes('*'));
  const start = segments.slice(0, literal === -1 ? segments.length : literal).join('/') || '/';
  if (!(await isThere(start))) return false;
  if (literal === -1 || covers(pattern, start)) return true;
  // A pattern without "**" matches at one depth.
  const deepest = segments.includes('**') ? Number.POSITIVE_INFINITY : segments.length - literal;
  let level = [start.replace(/\/$/, '')];
  let looked = 0;
  for (let depth = 1; level.length > 0 && depth <= deepest; depth++) {
    const next: string[] = [];
    for (const directory of level) {
      throwIfAborted(signal);
      if (++looked > MOST_DIRECTORIES) return true;
      const entries = await readdir(directory || '/', { withFileTypes: true }).catch((): readonly Dirent[] => []);
      for (const entry of entries) {
        const path = `${directory}/${entry.name}`;
        if (covers(pattern, path)) return true;
        if (entry.isDirectory()) next.push(path);
      }
    }
    level = next;
  }
  return false;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
