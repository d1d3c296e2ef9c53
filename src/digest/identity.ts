import type { Stats } from 'node:fs';

/** What tells one state of a file from another: replaced, written to, cut or grown, and one of these differs. */
export interface FileIdentity {
  /** Bytes. */
  readonly size: number;
  /** Milliseconds, with the fraction that the file system keeps. */
  readonly mtimeMs: number;
  readonly ino: number;
  readonly dev: number;
}

const IS_WINDOWS = process.platform === 'win32';

/** The identity that a stat shows. Windows gives other device numbers by path than by handle: there it is left out. */
export function identityOf({ size, mtimeMs, ino, dev }: Stats): FileIdentity {
  return { size, mtimeMs, ino, dev: IS_WINDOWS ? 0 : dev };
}
