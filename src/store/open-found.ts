import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { systemErrorCode } from '../core/index.ts';
import type { VersionFile } from './local-fetch.ts';

const ATTEMPTS = 5;

/** Opens the file that keeps a version; looks again where a writer gave it its lasting name in between. */
export async function openFound(find: () => Promise<VersionFile>): Promise<FileHandle> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { path } = await find();
      return await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT' || attempt === ATTEMPTS) throw error;
    }
  }
}
