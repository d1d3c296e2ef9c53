import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fileError, refused } from '../core/index.ts';

/** Where a model's bytes are read from. */
export interface Source {
  readonly kind: 'file' | 'directory';
  /** Absolute. It may itself be a symbolic link: the user named it. */
  readonly path: string;
  /** The last segment of the path: the subject of a signature, and the name of a single file. */
  readonly name: string;
}

/**
 * Finds out what a path names: one file or a directory tree. Nothing is opened.
 *
 * @throws MlsignError `file-not-found`, `permission-denied`, `not-a-model` for a pipe, socket or device
 */
export async function openSource(path: string): Promise<Source> {
  const absolute = resolve(path);
  const stats = await stat(absolute).catch((error) => {
    throw fileError(error, 'read the model', path);
  });
  const kind = stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : undefined;
  if (kind !== undefined) return { kind, path: absolute, name: basename(absolute) || 'root' };
  throw refused('not-a-model', 'a model is a file or a directory, and this is neither', {
    subject: path,
    expected: 'a regular file or a directory',
    got: 'a pipe, socket or device',
    suggestions: ['write the bytes to a file first'],
  });
}
