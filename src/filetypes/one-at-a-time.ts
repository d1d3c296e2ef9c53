import type { OpenFile } from './open-file.ts';

/** Nothing that is read of a smaller file takes much memory, whatever it holds. */
const SMALL = 256 * 1024;

let last: Promise<unknown> = Promise.resolve();

/**
 * Does what takes memory as a file's maker likes, with one file after the other: each of them stays within a limit, and many files
 * are looked at at a time.
 */
export function oneAtATime<T>({ size }: OpenFile, work: () => Promise<T>): Promise<T> {
  if (size <= SMALL) return work();
  const done = last.then(work);
  last = done.catch(() => undefined);
  return done;
}
