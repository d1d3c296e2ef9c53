import { fieldsOf, isForbidden, isUnsupported, listOf, optionalTextOf } from '../aws/index.ts';
import { unavailable } from '../core/index.ts';
import { isVersion, type S3Bucket } from './s3-bucket.ts';
import { countParts, summary } from './s3-file.ts';
import { type Attestation, NULL_VERSION, type PartedObject } from './store.ts';

/** One answer of GetObjectAttributes. */
interface Attributes {
  readonly size: number | undefined;
  /** Of the whole object, in base64, with its type. */
  readonly sha256: string | undefined;
  readonly type: string | undefined;
  /** How many parts the upload had; undefined for an object that was put whole. */
  readonly count: number | undefined;
  readonly parts: readonly Part[];
  readonly next: string | undefined;
}

interface Part {
  readonly number: number;
  readonly size: number;
  readonly sha256: string | undefined;
}

const PAGE = 1000;

/**
 * Compares a version with the checksums that S3 computed when it took it (ARCHITECTURE §3): that of an object put whole, or those
 * of all its parts. A checksum over checksums is never compared.
 */
export async function attestObject(bucket: S3Bucket, object: PartedObject, signal?: AbortSignal): Promise<Attestation> {
  if (object.version === NULL_VERSION) return unproven('the object has no version of its own, and what it holds may change');
  const first = await attributesOf(bucket, object, undefined, signal);
  if (typeof first === 'string') return unproven(first);
  if (first.size !== undefined && first.size !== object.size) return differs(`${object.size} bytes`, `${first.size} bytes`);
  // MinIO tells of one part, without a checksum of its own, where an object was put whole; and of no size where that is 0.
  if (first.count === undefined || (first.type === 'FULL_OBJECT' && object.parts.length === 1)) return attestWhole(object, first);
  if (first.size === undefined) return unproven('the store does not say how many bytes the object has');
  return attestParts(bucket, object, first, signal);
}

function attestWhole({ parts }: PartedObject, { sha256, type }: Attributes): Attestation {
  const [expected, ...others] = parts;
  if (sha256 === undefined) return unproven('the store keeps no SHA-256 of the object');
  if (others.length > 0 || expected === undefined)
    return unproven('the object was put whole, and its parts have no checksums of their own');
  const got = hexOf(sha256);
  // "…-3" is a checksum over the checksums of three parts.
  if (got === undefined || (type !== undefined && type !== 'FULL_OBJECT')) return unproven('the checksum is not one of the whole object');
  return got === expected ? ATTESTED : differs(expected, got);
}

async function attestParts(
  bucket: S3Bucket,
  object: PartedObject,
  first: Attributes,
  signal: AbortSignal | undefined,
): Promise<Attestation> {
  const { size, partSize, parts } = object;
  const count = countParts(size, partSize);
  if (parts.length !== count) return unproven('the record does not have one digest for each part');
  if (first.count !== count) return unproven(`the object lies there in ${first.count} parts, and the record has ${count}`);
  let page = first;
  for (let number = 1; number <= count; ) {
    if (page.parts.length === 0) return unproven(KEEPS_NO_PARTS);
    for (const part of page.parts) {
      const expected = parts[number - 1];
      if (part.number !== number || expected === undefined)
        return unproven(`the store lists part ${part.number} in the place of part ${number}`);
      if (part.size !== Math.min(partSize, size - (number - 1) * partSize))
        return unproven('the object was cut into other parts than the record has');
      if (part.sha256 === undefined) return unproven(KEEPS_NO_PARTS);
      const got = hexOf(part.sha256);
      if (got === undefined) return unproven(`the checksum of part ${number} is not a SHA-256`);
      if (got !== expected) return differs(expected, got);
      number++;
    }
    if (number > count) break;
    if (page.next === undefined) return unproven(`the store lists ${number - 1} of ${count} parts`);
    const next = await attributesOf(bucket, object, page.next, signal);
    if (typeof next === 'string') return unproven(next);
    if (next.size !== size || next.count !== count) return unproven('the store changed its answer from page to page');
    page = next;
  }
  return ATTESTED;
}

/** One page of what the store says; or why it says nothing. */
function attributesOf(
  bucket: S3Bucket,
  { key, version }: PartedObject,
  marker: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Attributes | string> {
  return bucket.call(
    's3:GetObjectVersionAttributes',
    key,
    async ({ client, sdk, abortSignal }, place) => {
      try {
        const command = new sdk.GetObjectAttributesCommand({
          ...place,
          VersionId: version,
          ObjectAttributes: ['Checksum', 'ObjectParts', 'ObjectSize'],
          MaxParts: PAGE,
          PartNumberMarker: marker,
        });
        const { VersionId, ObjectSize, Checksum, ObjectParts, DeleteMarker } = await client.send(command, { abortSignal });
        if (DeleteMarker) throw unavailable('object-missing', 'the version is a delete marker', { subject: bucket.subject(key) });
        if (!isVersion(VersionId, version)) return 'the store answered about another version';
        const count = ObjectParts?.TotalPartsCount;
        return {
          size: ObjectSize,
          sha256: optionalTextOf(Checksum?.ChecksumSHA256),
          type: optionalTextOf(Checksum?.ChecksumType),
          count: ObjectParts === undefined ? undefined : (count ?? 0),
          parts: listOf(ObjectParts?.Parts ?? [], partOf),
          next: ObjectParts?.IsTruncated ? optionalTextOf(ObjectParts.NextPartNumberMarker) : undefined,
        };
      } catch (error) {
        if (isForbidden(error)) return 'absent or forbidden: s3:GetObjectVersionAttributes';
        if (isUnsupported(error)) return 'the store does not tell checksums (GetObjectAttributes)';
        throw error;
      }
    },
    { signal },
  );
}

function partOf(listed: unknown): Part {
  const { PartNumber, Size, ChecksumSHA256 } = fieldsOf(listed);
  return { number: Number(PartNumber), size: Number(Size), sha256: optionalTextOf(ChecksumSHA256) };
}

/** Of base64 with exactly 32 bytes. */
function hexOf(base64: string): string | undefined {
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === 32 && bytes.toString('base64') === base64 ? bytes.toString('hex') : undefined;
}

const ATTESTED: Attestation = { kind: 'attested' };
const KEEPS_NO_PARTS = 'the store keeps no SHA-256 of each part';

function differs(expected: string, got: string): Attestation {
  return { kind: 'differs', expected: summary([expected]), got };
}

function unproven(reason: string): Attestation {
  return { kind: 'unproven', reason };
}
