import { MlsignError } from '../core/index.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { listVersions } from './s3-listing.ts';
import type { FileUpload, StoredObject } from './store.ts';

/** What lies already where files are to go, by one list; undefined where nobody may list. */
export async function presentObjects(
  bucket: S3Bucket,
  files: readonly FileUpload[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, StoredObject> | undefined> {
  const prefix = commonPrefix(files);
  // Whatever else lies there, however much.
  const keys = new Set(files.map(({ key }) => key));
  const current = new Map<string, StoredObject>();
  try {
    for await (const { key, version, size, isCurrent, isDeleted } of listVersions(bucket, prefix, signal)) {
      if (isCurrent && !isDeleted && keys.has(key)) current.set(key, { key, version, size });
    }
    return current;
  } catch (error) {
    if (error instanceof MlsignError && error.code === 'object-forbidden') return undefined;
    throw error;
  }
}

function commonPrefix(files: readonly FileUpload[]): string {
  const [{ key: first } = { key: '' }, ...others] = files;
  let length = first.lastIndexOf('/') + 1;
  for (const { key } of others) while (!key.startsWith(first.slice(0, length))) length = first.lastIndexOf('/', length - 2) + 1;
  return first.slice(0, length);
}
