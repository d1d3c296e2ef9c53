import { AnswerMalformed } from '../aws/index.ts';
import { type MlsignError, refused } from '../core/index.ts';
import { destroy, readBody } from './s3-body.ts';
import { isVersion, type S3Bucket } from './s3-bucket.ts';
import type { StoredObject } from './store.ts';

/**
 * Reads a range of a version; again where the answer is cut short, or about something else.
 *
 * @param into is filled, from `start` of the object on
 * @throws MlsignError `object-truncated` where the object is not of its recorded size
 */
export function readRange(bucket: S3Bucket, object: StoredObject, start: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
  const { key, version, size } = object;
  const last = start + into.length - 1;
  return bucket.call(
    's3:GetObjectVersion',
    key,
    async ({ client, sdk, abortSignal, alive }, place) => {
      const command = new sdk.GetObjectCommand({ ...place, VersionId: version, Range: `bytes=${start}-${last}` });
      const { Body, VersionId, ContentLength, ContentRange } = await client.send(command, { abortSignal }).catch((error: unknown) => {
        if (error instanceof Error && error.name === 'InvalidRange') throw truncated(bucket, object, 'fewer');
        throw error;
      });
      try {
        const [, from, to, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(ContentRange ?? '') ?? [];
        const isRange = Number(from) === start && Number(to) === last && ContentLength === into.length;
        if (!isRange || !isVersion(VersionId, version)) throw new AnswerMalformed();
        if (Number(total) !== size) throw truncated(bucket, object, `${total}`);
        await readBody(Body, into, alive);
      } finally {
        destroy(Body);
      }
    },
    { signal },
  );
}

/** The refusal of an object that is not of its recorded size. */
export function truncated(bucket: S3Bucket, { key, size }: StoredObject, got: string): MlsignError {
  return refused('object-truncated', 'the object is not of the recorded size', {
    subject: bucket.subject(key),
    expected: `${size} bytes`,
    got: `${got} bytes`,
  });
}
