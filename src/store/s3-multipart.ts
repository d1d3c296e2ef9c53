import { fieldsOf, isConditionFailed, isForbidden, isUnsupported, isUploadMissing, listOf, optionalTextOf, textOf } from '../aws/index.ts';
import { attributeFields, checkEncryption } from './s3-attributes.ts';
import { BODY_PATIENCE, slicedBody } from './s3-body.ts';
import { hexToBase64, type S3Bucket, writtenOf } from './s3-bucket.ts';
import type { FilePart } from './s3-read-parts.ts';
import { NULL_VERSION, type ObjectAttributes, type ObjectVersion, type PartedObject } from './store.ts';

/** A part that S3 holds. */
export interface HeldPart {
  readonly tag: string;
  readonly size: number;
  /** In base64, where the store keeps it. */
  readonly sha256: string | undefined;
}

/** S3 assembles large objects before it answers. */
const PATIENCE = 10;

/** An upload in parts. */
export class MultipartUpload {
  readonly id: string;
  readonly key: string;
  readonly #bucket: S3Bucket;
  readonly #attributes: ObjectAttributes | undefined;

  constructor(bucket: S3Bucket, key: string, id: string, attributes?: ObjectAttributes) {
    this.#bucket = bucket;
    this.key = key;
    this.id = id;
    this.#attributes = attributes;
  }

  static async create(
    bucket: S3Bucket,
    key: string,
    attributes: ObjectAttributes | undefined,
    signal: AbortSignal | undefined,
  ): Promise<MultipartUpload> {
    const made = await bucket.call(
      's3:PutObject',
      key,
      async ({ client, sdk, abortSignal }, place) => {
        const input = { ...place, ...attributeFields(attributes), ChecksumAlgorithm: 'SHA256', ChecksumType: 'COMPOSITE' } as const;
        const answer = await client.send(new sdk.CreateMultipartUploadCommand(input), { abortSignal });
        return { id: textOf(answer.UploadId), encryption: answer.ServerSideEncryption };
      },
      { signal },
    );
    const upload = new MultipartUpload(bucket, key, made.id, attributes);
    try {
      // MinIO says it of each part alone.
      if (made.encryption !== undefined) upload.#checkEncryption(made.encryption);
    } catch (error) {
      await upload.abort().catch(() => undefined);
      throw error;
    }
    return upload;
  }

  /** The parts that S3 has, by number from 1; undefined where the upload is not there any more, or nobody may look. */
  async held(signal: AbortSignal | undefined): Promise<ReadonlyMap<number, HeldPart> | undefined> {
    const parts = new Map<number, HeldPart>();
    let marker: string | undefined;
    do {
      const page = await this.#page(marker, signal);
      if (page === undefined) return undefined;
      for (const [number, part] of page.parts) parts.set(number, part);
      marker = page.next === marker ? undefined : page.next;
    } while (marker !== undefined);
    return parts;
  }

  #page(marker: string | undefined, signal: AbortSignal | undefined) {
    return this.#bucket.call(
      's3:ListMultipartUploadParts',
      this.key,
      async ({ client, sdk, abortSignal }, place) => {
        try {
          const command = new sdk.ListPartsCommand({ ...place, UploadId: this.id, PartNumberMarker: marker });
          const answer = await client.send(command, { abortSignal });
          const parts = listOf(answer.Parts ?? [], (part) => {
            const { PartNumber, ETag, Size, ChecksumSHA256 } = fieldsOf(part);
            return [Number(PartNumber), { tag: textOf(ETag), size: Number(Size), sha256: optionalTextOf(ChecksumSHA256) }] as const;
          });
          return { parts, next: answer.IsTruncated ? answer.NextPartNumberMarker : undefined };
        } catch (error) {
          if (isUploadMissing(error) || isForbidden(error)) return undefined;
          throw error;
        }
      },
      { signal },
    );
  }

  /** Sends one part; S3 refuses it where its bytes are others than the digest says. */
  send({ index, bytes, sha256 }: FilePart, signal: AbortSignal): Promise<string> {
    const body = slicedBody(bytes);
    return this.#bucket.call(
      's3:PutObject',
      this.key,
      async ({ client, sdk, abortSignal, alive }, place) => {
        const command = new sdk.UploadPartCommand({
          ...place,
          UploadId: this.id,
          PartNumber: index + 1,
          Body: body.stream(alive),
          ContentLength: bytes.length,
          ChecksumSHA256: hexToBase64(sha256),
        });
        const { ETag, ServerSideEncryption } = await client.send(command, { abortSignal });
        this.#checkEncryption(ServerSideEncryption);
        return textOf(ETag);
      },
      { signal, patience: BODY_PATIENCE },
    );
  }

  /** Makes a part from a range of an object that S3 holds; undefined where the store cannot, or not with a checksum. */
  copy({ key, version }: ObjectVersion, index: number, [start, end]: readonly [number, number], signal: AbortSignal | undefined) {
    return this.#bucket.call(
      's3:PutObject',
      this.key,
      async ({ client, sdk, abortSignal }, place) => {
        const command = new sdk.UploadPartCopyCommand({
          ...place,
          UploadId: this.id,
          PartNumber: index + 1,
          CopySource: copySource(this.#bucket, key, version),
          CopySourceRange: `bytes=${start}-${end - 1}`,
        });
        try {
          const { CopyPartResult, ServerSideEncryption } = await client.send(command, { abortSignal });
          this.#checkEncryption(ServerSideEncryption);
          const { ETag, ChecksumSHA256 } = fieldsOf(CopyPartResult);
          const sha256 = optionalTextOf(ChecksumSHA256);
          // versitygw takes that of the whole source, a checksum over checksums with its count, and then no part with its own.
          return sha256 === undefined || sha256.includes('-') ? undefined : { tag: textOf(ETag), sha256 };
        } catch (error) {
          // MinIO cannot where parts have checksums, and says so in this way.
          if (isUnsupported(error) || (error instanceof Error && error.name === 'InvalidArgument')) return undefined;
          throw error;
        }
      },
      { signal, patience: PATIENCE },
    );
  }

  /**
   * Makes the object of its parts.
   *
   * @param tags of the parts, in their order
   * @param condition undefined to put it before whatever is there
   * @returns the version; `taken` where the key holds something already, `gone` where the upload is not there any more: also after
   *   an answer that never came
   */
  complete(
    { parts }: Pick<PartedObject, 'parts'>,
    tags: readonly string[],
    condition: 'absent' | undefined,
    signal: AbortSignal | undefined,
  ) {
    const Parts = parts.map((sha256, i) => ({ PartNumber: i + 1, ETag: tags[i], ChecksumSHA256: hexToBase64(sha256) }));
    return this.#bucket.call(
      's3:PutObject',
      this.key,
      async ({ client, sdk, abortSignal, number }, place) => {
        const input = { ...place, UploadId: this.id, MultipartUpload: { Parts }, ...(condition === undefined ? {} : { IfNoneMatch: '*' }) };
        try {
          const made = writtenOf(await client.send(new sdk.CompleteMultipartUploadCommand(input), { abortSignal }));
          // versitygw answers a second time without the version.
          if (number > 1 && made.version === NULL_VERSION) return { kind: 'taken', isRepeated: true } as const;
          return { kind: 'made', ...made } as const;
        } catch (error) {
          if (isConditionFailed(error)) return { kind: 'taken', isRepeated: number > 1 } as const;
          if (isUploadMissing(error)) return { kind: 'gone', isRepeated: number > 1, error } as const;
          throw error;
        }
      },
      { signal, patience: PATIENCE },
    );
  }

  #checkEncryption(encryption: string | undefined): void {
    checkEncryption(this.#attributes, encryption, this.#bucket.subject(this.key));
  }

  async abort(signal?: AbortSignal): Promise<void> {
    await this.#bucket.call(
      's3:AbortMultipartUpload',
      this.key,
      async ({ client, sdk, abortSignal }, place) => {
        await client.send(new sdk.AbortMultipartUploadCommand({ ...place, UploadId: this.id }), { abortSignal }).catch((error: unknown) => {
          if (!isUploadMissing(error)) throw error;
        });
      },
      { signal },
    );
  }
}

/** How a request names the version that it copies. */
export function copySource({ name }: S3Bucket, key: string, version: string): string {
  return `${name}/${key.split('/').map(encodeURIComponent).join('/')}?versionId=${encodeURIComponent(version)}`;
}
