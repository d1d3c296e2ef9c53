import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as sdk from '@aws-sdk/client-s3';
import type { AwsPrincipal } from './sigv4.ts';

/** SHA-256 as S3 writes it. */
export function base64Sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('base64');
}

/** Calls a bucket by the SDK, each request once. */
export class S3Caller {
  readonly s3: sdk.S3Client;
  readonly bucket: string;

  constructor(bucket: string, config: sdk.S3ClientConfig, principal?: AwsPrincipal) {
    this.bucket = bucket;
    const { accessKeyId = '', secretAccessKey = '', sessionToken } = principal ?? {};
    const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
    // Not even to the console.
    const logger = { trace: () => {}, debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    this.s3 = new sdk.S3Client({
      forcePathStyle: true,
      maxAttempts: 1,
      logger,
      ...config,
      ...(principal === undefined ? {} : { credentials }),
    });
  }

  put(Key: string, Body: string | Uint8Array, more: Partial<sdk.PutObjectCommandInput> = {}): Promise<sdk.PutObjectCommandOutput> {
    return this.s3.send(new sdk.PutObjectCommand({ Bucket: this.bucket, Key, Body, ChecksumSHA256: base64Sha256(Body), ...more }));
  }

  get(Key: string, more: Partial<sdk.GetObjectCommandInput> = {}): Promise<sdk.GetObjectCommandOutput> {
    return this.s3.send(new sdk.GetObjectCommand({ Bucket: this.bucket, Key, ...more }));
  }

  async text(Key: string, more: Partial<sdk.GetObjectCommandInput> = {}): Promise<string | undefined> {
    const { Body } = await this.get(Key, more);
    return Body?.transformToString();
  }

  head(Key: string, more: Partial<sdk.HeadObjectCommandInput> = {}): Promise<sdk.HeadObjectCommandOutput> {
    return this.s3.send(new sdk.HeadObjectCommand({ Bucket: this.bucket, Key, ...more }));
  }

  delete(Key: string, more: Partial<sdk.DeleteObjectCommandInput> = {}): Promise<sdk.DeleteObjectCommandOutput> {
    return this.s3.send(new sdk.DeleteObjectCommand({ Bucket: this.bucket, Key, ...more }));
  }

  /** Uploads parts, whatever their size; what it returns completes or aborts them. */
  async upload(Key: string, bodies: readonly string[], more: Partial<sdk.CreateMultipartUploadCommandInput> = {}) {
    const place = { Bucket: this.bucket, Key };
    const { UploadId } = await this.s3.send(new sdk.CreateMultipartUploadCommand({ ...place, ChecksumAlgorithm: 'SHA256', ...more }));
    const Parts: sdk.CompletedPart[] = [];
    for (const [index, Body] of bodies.entries()) {
      const part = { PartNumber: index + 1, ChecksumSHA256: base64Sha256(Body) };
      const { ETag } = await this.s3.send(new sdk.UploadPartCommand({ ...place, UploadId, Body, ...part }));
      Parts.push({ ...part, ETag });
    }
    return { ...place, UploadId, MultipartUpload: { Parts } };
  }

  close(): void {
    this.s3.destroy();
  }
}

/** Expects that S3 refuses a call, with this error. */
export async function refusedBy(promise: Promise<unknown>, name: string, status: number): Promise<sdk.S3ServiceException> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof sdk.S3ServiceException, String(error));
    assert.equal(`${error.name} ${error.$metadata.httpStatusCode}`, `${name} ${status}`);
    return error;
  }
  assert.fail(`expected ${name}`);
}
