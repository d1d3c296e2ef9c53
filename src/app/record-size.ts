import { refused } from '../core/index.ts';
import { MAX_RECORD_BYTES, type ReleaseRecord, releasePayload } from '../release/index.ts';
import { countParts, partSizeFor, type StoreLocation, type VersionId } from '../store/index.ts';
import type { PushContents } from './plan-push.ts';

const DIGEST = '0'.repeat(64);
/** As long as those of S3. */
const VERSION = '0'.repeat(32) as VersionId;

/**
 * Refuses a model whose release record nobody would read again, before anything of it is sent.
 *
 * @throws MlsignError `record-too-large`
 */
export function refuseLargeRecord({ name, url, store }: StoreLocation, { kind, modelId, files }: PushContents): void {
  const objects = files.map(({ name, identity: { size }, signed }) => {
    // A directory may take each file as one.
    const partSize = store.kind === 's3' ? partSizeFor(size, signed) : Math.max(size, 1);
    return { name, version: VERSION, size, partSize, parts: new Array<string>(countParts(size, partSize)).fill(DIGEST) };
  });
  const record: ReleaseRecord = { name, number: 1, created: new Date(0), modelId, kind, objects, bundles: [] };
  // In a bundle it stands in base64.
  const size = Math.ceil(releasePayload(record).length / 3) * 4;
  if (size <= MAX_RECORD_BYTES) return;
  const parts = objects.reduce((sum, object) => sum + object.parts.length, 0);
  throw refused('record-too-large', 'the release record of this model would be larger than mlsign reads; nothing was sent', {
    subject: url,
    expected: `at most ${MAX_RECORD_BYTES} bytes`,
    got: `${size} bytes or more, for ${files.length} files in ${parts} parts`,
    suggestions: ['put small files together before it is signed, such as in an archive'],
  });
}
