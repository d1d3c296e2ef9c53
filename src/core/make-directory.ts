import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode } from './errors.ts';

/**
 * Makes a directory and those above it. Node's own way never ends where a file system says of a new directory that the one
 * above is not there, as `/proc` does.
 *
 * @param mode permission bits of each that is made, less the umask
 * @returns whether it was not there before
 * @throws what `mkdir` throws
 */
export async function makeDirectory(path: string, mode = 0o777): Promise<boolean> {
  try {
    return await makeOne(path, mode);
  } catch (error) {
    const parent = dirname(path);
    if (systemErrorCode(error) !== 'ENOENT' || parent === path) throw error;
    await makeDirectory(parent, mode);
    return await makeOne(path, mode);
  }
}

async function makeOne(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, mode);
    return true;
  } catch (error) {
    // Some file systems refuse to make what is there by another name: read-only, or not allowed.
    const isThere = await stat(path).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    if (isThere) return false;
    throw error;
  }
}
