import { createHash } from 'node:crypto';
import { type S3Answer, S3Refusal } from './s3-server-answer.ts';
import { getObjectAttributes } from './s3-server-attributes.ts';
import { BODY_HEADERS } from './s3-server-body.ts';
import type { S3Call } from './s3-server-call.ts';
import { copyObject, SOURCE_HEADERS } from './s3-server-copies.ts';
import { listMultipartUploads, listObjectsV2, listObjectVersions } from './s3-server-listing.ts';
import { deleteObject, deleteObjects, getObject, getObjectTagging, putObject, xmlAnswer } from './s3-server-objects.ts';
import type { S3Request } from './s3-server-request.ts';
import { SETTING_HEADERS } from './s3-server-settings.ts';
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  listParts,
  uploadPart,
  uploadPartCopy,
} from './s3-server-uploads.ts';
import { Violation } from './violation.ts';

/** One operation of S3: how a request names it, and all that it may hold. */
interface Operation {
  readonly name: string;
  readonly method: string;
  readonly on: 'bucket' | 'object';
  /** Parameters that it is known by. */
  readonly known: readonly string[];
  /** Parameters that it may have besides. */
  readonly query?: readonly string[];
  readonly headers?: readonly string[];
  readonly hasBody?: true;
  /** Whether it takes `x-amz-meta-*`. */
  readonly hasMetadata?: true;
  readonly run: (call: S3Call) => Promise<S3Answer>;
}

const CONDITIONS = ['if-match', 'if-none-match'];
const READ_HEADERS = ['range', ...CONDITIONS, 'x-amz-checksum-mode'];
const PAGE = ['prefix', 'delimiter', 'encoding-type'];

/** The more parameters an operation is known by, the earlier it stands. */
const OPERATIONS = [
  { name: 'HeadBucket', method: 'HEAD', on: 'bucket', known: [], run: headBucket },
  { name: 'GetBucketVersioning', method: 'GET', on: 'bucket', known: ['versioning'], run: getBucketVersioning },
  {
    name: 'ListObjectVersions',
    method: 'GET',
    on: 'bucket',
    known: ['versions'],
    query: [...PAGE, 'max-keys', 'key-marker', 'version-id-marker'],
    run: listObjectVersions,
  },
  {
    name: 'ListMultipartUploads',
    method: 'GET',
    on: 'bucket',
    known: ['uploads'],
    query: [...PAGE, 'max-uploads', 'key-marker', 'upload-id-marker'],
    run: listMultipartUploads,
  },
  {
    name: 'ListObjectsV2',
    method: 'GET',
    on: 'bucket',
    known: ['list-type'],
    query: [...PAGE, 'max-keys', 'continuation-token', 'start-after'],
    run: listObjectsV2,
  },
  {
    name: 'DeleteObjects',
    method: 'POST',
    on: 'bucket',
    known: ['delete'],
    headers: ['content-type', ...BODY_HEADERS, 'x-amz-bypass-governance-retention'],
    hasBody: true,
    run: deleteObjects,
  },
  {
    name: 'GetObjectAttributes',
    method: 'GET',
    on: 'object',
    known: ['attributes'],
    query: ['versionId'],
    headers: ['x-amz-object-attributes', 'x-amz-max-parts', 'x-amz-part-number-marker'],
    run: getObjectAttributes,
  },
  { name: 'GetObjectTagging', method: 'GET', on: 'object', known: ['tagging'], query: ['versionId'], run: getObjectTagging },
  { name: 'ListParts', method: 'GET', on: 'object', known: ['uploadId'], query: ['max-parts', 'part-number-marker'], run: listParts },
  {
    name: 'UploadPartCopy',
    method: 'PUT',
    on: 'object',
    known: ['uploadId', 'partNumber', 'x-amz-copy-source'],
    headers: [...SOURCE_HEADERS, 'x-amz-copy-source-range'],
    run: uploadPartCopy,
  },
  {
    name: 'UploadPart',
    method: 'PUT',
    on: 'object',
    known: ['uploadId', 'partNumber'],
    headers: ['content-type', ...BODY_HEADERS],
    hasBody: true,
    run: uploadPart,
  },
  {
    name: 'CreateMultipartUpload',
    method: 'POST',
    on: 'object',
    known: ['uploads'],
    headers: [...SETTING_HEADERS, 'x-amz-checksum-algorithm', 'x-amz-checksum-type'],
    hasMetadata: true,
    run: createMultipartUpload,
  },
  {
    name: 'CompleteMultipartUpload',
    method: 'POST',
    on: 'object',
    known: ['uploadId'],
    headers: ['content-type', ...BODY_HEADERS, ...CONDITIONS, 'x-amz-checksum-type', 'x-amz-mp-object-size'],
    hasBody: true,
    run: completeMultipartUpload,
  },
  { name: 'AbortMultipartUpload', method: 'DELETE', on: 'object', known: ['uploadId'], run: abortMultipartUpload },
  {
    name: 'CopyObject',
    method: 'PUT',
    on: 'object',
    known: ['x-amz-copy-source'],
    headers: [
      ...SETTING_HEADERS,
      ...SOURCE_HEADERS,
      ...CONDITIONS,
      'x-amz-checksum-algorithm',
      'x-amz-metadata-directive',
      'x-amz-tagging-directive',
    ],
    hasMetadata: true,
    run: copyObject,
  },
  {
    name: 'PutObject',
    method: 'PUT',
    on: 'object',
    known: [],
    headers: [...SETTING_HEADERS, ...BODY_HEADERS, ...CONDITIONS],
    hasBody: true,
    hasMetadata: true,
    run: putObject,
  },
  {
    name: 'HeadObject',
    method: 'HEAD',
    on: 'object',
    known: [],
    query: ['versionId', 'partNumber'],
    headers: READ_HEADERS,
    run: getObject,
  },
  { name: 'GetObject', method: 'GET', on: 'object', known: [], query: ['versionId', 'partNumber'], headers: READ_HEADERS, run: getObject },
  {
    name: 'DeleteObject',
    method: 'DELETE',
    on: 'object',
    known: [],
    query: ['versionId'],
    headers: ['if-match', 'x-amz-bypass-governance-retention'],
    run: deleteObject,
  },
] as const satisfies readonly Operation[];

export type S3Operation = (typeof OPERATIONS)[number]['name'];

/** Headers that any request may have. */
const COMMON = [
  'accept',
  'accept-encoding',
  'amz-sdk-invocation-id',
  'amz-sdk-request',
  'authorization',
  'connection',
  'content-length',
  'host',
  'user-agent',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-expected-bucket-owner',
  'x-amz-security-token',
  'x-amz-user-agent',
];

const EMPTY_SHA256 = createHash('sha256').digest('hex');

/** What a request asks for. */
export function operationOf(request: S3Request): Operation & { readonly name: S3Operation } {
  const { method, key, query, headers } = request;
  const on = key === '' ? 'bucket' : 'object';
  const operations: readonly (Operation & { readonly name: S3Operation })[] = OPERATIONS;
  const operation = operations.find(
    (candidate) =>
      candidate.method === method && candidate.on === on && candidate.known.every((name) => query.has(name) || headers.has(name)),
  );
  if (operation === undefined) throw new Violation(`${method} of a ${on} with ${[...query.keys()].join(' ')}`);
  return operation;
}

/** Checks that a request holds nothing that its operation does not have. */
export function checkForm({ query, headers }: S3Request, operation: Operation, allowed: ReadonlySet<string>): void {
  const { name, known, query: more = [], headers: own = [], hasMetadata, hasBody } = operation;
  const oddQuery = [...query].filter(([parameter, value]) =>
    parameter === 'x-id' ? value !== name : !known.includes(parameter) && !more.includes(parameter),
  );
  if (oddQuery.length > 0) throw new Violation(`${name} with the parameters ${oddQuery.join(' ')}`);
  const oddHeaders = [...headers.keys()].filter(
    (header) =>
      !COMMON.includes(header) && !own.includes(header) && !allowed.has(header) && !(hasMetadata && header.startsWith('x-amz-meta-')),
  );
  if (oddHeaders.length > 0) throw new Violation(`${name} with the headers ${oddHeaders.join(', ')}`);
  const length = headers.get('content-length') ?? '0';
  if (hasBody) return;
  if (length !== '0' || headers.has('transfer-encoding')) throw new Violation(`${name} with a body`);
  const payload = headers.get('x-amz-content-sha256');
  if (payload !== undefined && ![EMPTY_SHA256, 'UNSIGNED-PAYLOAD'].includes(payload))
    throw new Violation(`${name} with the payload ${payload}`);
}

async function headBucket(call: S3Call): Promise<S3Answer> {
  call.demand('s3:ListBucket');
  return { status: 200, headers: { 'x-amz-bucket-region': call.bucket.region, 'content-type': 'application/xml' } };
}

async function getBucketVersioning(call: S3Call): Promise<S3Answer> {
  call.demand('s3:GetBucketVersioning');
  const { versioning } = call.bucket;
  return xmlAnswer(['VersioningConfiguration', versioning === 'Off' ? [] : [['Status', versioning]]]);
}

/** What S3 says of a bucket that nobody has, that is elsewhere, or that belongs to another account than the client says. */
export function checkBucket<T extends { readonly name: string; readonly region: string; readonly owner: string }>(
  bucket: T | undefined,
  { bucket: name, headers }: S3Request,
  region: string,
): T {
  if (bucket === undefined) {
    throw new S3Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist', { fields: [['BucketName', name]] });
  }
  if (bucket.region !== region) {
    const message = 'The bucket you are attempting to access must be addressed using the specified endpoint.';
    throw new S3Refusal(301, 'PermanentRedirect', `${message} Please send all future requests to this endpoint.`, {
      fields: [
        ['Endpoint', `${name}.s3.${bucket.region}.amazonaws.com`],
        ['Bucket', name],
      ],
      headers: { 'x-amz-bucket-region': bucket.region },
    });
  }
  const owner = headers.get('x-amz-expected-bucket-owner');
  if (owner !== undefined && owner !== bucket.owner) throw new S3Refusal(403, 'AccessDenied', 'Access Denied');
  return bucket;
}
