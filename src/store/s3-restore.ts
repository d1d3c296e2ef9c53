import { hash } from 'node:crypto';
import { fieldsOf, optionalTextOf } from '../aws/index.ts';
import { type MlsignError, refused, unavailable } from '../core/index.ts';
import { inParallel } from './in-parallel.ts';
import { attributeFields, checkEncryption } from './s3-attributes.ts';
import { hexToBase64, type S3Bucket, versionOf, writtenOf } from './s3-bucket.ts';
import { copySource, MultipartUpload } from './s3-multipart.ts';
import { readRange } from './s3-range.ts';
import type { CurrentObject, ObjectAttributes, ObjectVersion, PartedObject } from './store.ts';

/** Parts copied at a time. */
const COPIES = 4;
const PATIENCE = 10;

/**
 * Copies a version over whatever is there now, part by part, within S3.
 *
 * @param holds tells whether the copy holds the parts, where S3 has not said so while it copied
 * @throws MlsignError `object-damaged` where the version's bytes are not those of the parts
 */
export async function restoreObject(
  bucket: S3Bucket,
  object: PartedObject,
  attributes: ObjectAttributes | undefined,
  holds: (object: PartedObject, signal: AbortSignal | undefined) => Promise<boolean>,
  signal: AbortSignal | undefined,
): Promise<CurrentObject> {
  // S3 copies nothing onto itself, and versitygw only changes it where it lies; parts it copies from anywhere.
  const isWhole = object.parts.length === 1;
  const current = isWhole ? await bucket.peek(object.key, signal) : undefined;
  if (current?.version === object.version) {
    const again = await writeAgain(bucket, object, current, attributes, signal);
    if (again !== undefined) return again;
  }
  const made = await (isWhole ? copyWhole : copyParts)(bucket, object, attributes, signal);
  await bucket.insistOnVersion(made);
  await bucket.orRemove(made, async () => {
    if (isWhole) checkEncryption(attributes, made.encryption, bucket.subject(made.key));
    if (!made.isProven && !(await holds({ ...object, version: made.version }, signal))) throw damaged(bucket, object);
  });
  const { key, version, tag } = made;
  return { key, version, tag, size: object.size };
}

/** Reads an object of one part and writes it; undefined where another version has come meanwhile. */
async function writeAgain(
  bucket: S3Bucket,
  object: PartedObject,
  { tag }: CurrentObject,
  attributes: ObjectAttributes | undefined,
  signal?: AbortSignal,
): Promise<CurrentObject | undefined> {
  const { key, size, parts } = object;
  const bytes = await bucket.read(object, size, signal);
  const sha256 = hash('sha256', bytes, 'hex');
  if (sha256 !== parts[0]) throw damaged(bucket, object);
  return bucket.put(key, { body: () => bytes, size, sha256 }, { tag }, attributes, signal);
}

async function copyWhole(
  bucket: S3Bucket,
  { key, version, parts }: PartedObject,
  attributes: ObjectAttributes | undefined,
  signal?: AbortSignal,
): Promise<Made> {
  return bucket.call(
    's3:PutObject',
    key,
    async ({ client, sdk, abortSignal }, place) => {
      const command = new sdk.CopyObjectCommand({
        ...place,
        ...attributeFields(attributes),
        ...(attributes?.tags === undefined ? {} : { TaggingDirective: 'REPLACE' }),
        CopySource: copySource(bucket, key, version),
        ChecksumAlgorithm: 'SHA256',
      });
      const { CopyObjectResult, VersionId, ServerSideEncryption } = await client.send(command, { abortSignal });
      const { ETag, ChecksumSHA256 } = fieldsOf(CopyObjectResult);
      const isProven = optionalTextOf(ChecksumSHA256) === hexToBase64(parts[0] ?? '');
      return { key, ...writtenOf({ VersionId, ETag }), isProven, encryption: ServerSideEncryption };
    },
    { signal, patience: PATIENCE },
  );
}

interface Made extends ObjectVersion {
  readonly tag: string;
  /** Whether S3 has said while it copied that it holds the parts. */
  readonly isProven: boolean;
  readonly encryption?: string | undefined;
}

interface Copy {
  readonly tag: string;
  /** In base64. */
  readonly sha256: string;
}

async function copyParts(
  bucket: S3Bucket,
  object: PartedObject,
  attributes: ObjectAttributes | undefined,
  signal?: AbortSignal,
): Promise<Made> {
  const { key, parts } = object;
  const upload = await MultipartUpload.create(bucket, key, attributes, signal);
  try {
    const copies = await inParallel([...parts.keys()], COPIES, signal, (index, either) => copyPart(bucket, upload, object, index, either));
    if (copies.some(({ sha256 }, i) => sha256 !== hexToBase64(parts[i] ?? ''))) throw damaged(bucket, object);
    const tags = copies.map(({ tag }) => tag);
    const made = await upload.complete({ parts }, tags, undefined, signal);
    if (made.kind === 'made') return { key, version: made.version, tag: made.tag, isProven: true };
    // The answer was lost: what is there now is looked at.
    const current = made.isRepeated ? await bucket.current(key, signal) : undefined;
    if (current === undefined)
      throw unavailable('upload-conflict', 'the copy was aborted meanwhile', {
        subject: bucket.subject(key),
        suggestions: ['run it again'],
      });
    return { key, version: versionOf(current.version), tag: current.tag, isProven: false };
  } catch (error) {
    await upload.abort().catch(() => undefined);
    throw error;
  }
}

async function copyPart(
  bucket: S3Bucket,
  upload: MultipartUpload,
  object: PartedObject,
  index: number,
  signal: AbortSignal,
): Promise<Copy> {
  const start = index * object.partSize;
  const end = Math.min(start + object.partSize, object.size);
  const copied = await upload.copy(object, index, [start, end], signal);
  if (copied !== undefined) return copied;
  const bytes = new Uint8Array(end - start);
  await readRange(bucket, object, start, bytes, signal);
  const sha256 = hash('sha256', bytes, 'hex');
  return { tag: await upload.send({ index, bytes, sha256 }, signal), sha256: hexToBase64(sha256) };
}

function damaged(bucket: S3Bucket, { key }: PartedObject): MlsignError {
  return refused('object-damaged', 'the bytes of this version are not those that were pinned', {
    subject: bucket.subject(key),
    suggestions: ['restore the release from another copy of the store, or push the model again'],
  });
}
