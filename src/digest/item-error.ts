import { getSystemErrorName } from 'node:util';
import { fileError, type MlsignError, refused } from '../core/index.ts';
import { CHANGED, NOT_A_FILE } from './work-list.ts';

/** Says why an item has no digest. */
export function itemError(status: number, path: string): MlsignError {
  if (status === NOT_A_FILE) {
    return refused('not-a-file', 'not a regular file', {
      subject: path,
      expected: 'a regular file',
      got: 'a pipe, socket, device or directory',
    });
  }
  if (status === CHANGED) {
    return refused('file-changed-while-read', 'the file changed while it was read', {
      subject: path,
      suggestions: ['try again when nothing writes to it'],
    });
  }
  const code = getSystemErrorName(status);
  return fileError(Object.assign(new Error(code), { code }), 'read the file', path);
}
