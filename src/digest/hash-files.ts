import { FileHasher, type FileToHash, type HashedFile, type HashOptions } from './file-hasher.ts';

/** Files added between two breaths. */
const STRIDE = 256;

/**
 * Hashes files that are all known.
 *
 * @returns for each file, in the order given, its digests or its error
 * @throws MlsignError `interrupted`, `engine-lacks-algorithm`, `worker-failed`
 */
export async function hashFiles(files: readonly FileToHash[], options: HashOptions): Promise<readonly HashedFile[]> {
  const hasher = new FileHasher(options);
  try {
    for (const [index, file] of files.entries()) {
      hasher.add(file);
      if (index % STRIDE === STRIDE - 1) await hasher.pace();
    }
    return await hasher.finish();
  } finally {
    await hasher.close();
  }
}
