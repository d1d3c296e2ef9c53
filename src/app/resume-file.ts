import { join } from 'node:path';
import { makeDirectory, sha256Hex } from '../core/index.ts';

/** Where uploads to one place are remembered; undefined where nothing can be kept: then a push starts anew. */
export async function resumeFile(directory: string, place: string): Promise<string | undefined> {
  const made = await makeDirectory(directory, 0o700).then(
    () => true,
    () => false,
  );
  return made ? join(directory, `${sha256Hex(place).slice(0, 32)}.json`) : undefined;
}
