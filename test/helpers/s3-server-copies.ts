import { createHash } from 'node:crypto';
import { invalidArgument, invalidRequest, preconditionFailed, type S3Answer, S3Refusal } from './s3-server-answer.ts';
import { type Bucket, etagOf, sameTag, type VersionDraft } from './s3-server-bucket.ts';
import type { Bytes } from './s3-server-bytes.ts';
import type { FoundVersion, S3Call } from './s3-server-call.ts';
import { algorithmOf, type Checksum, checksumOf } from './s3-server-checksums.ts';
import { writtenHeaders, xmlAnswer } from './s3-server-objects.ts';
import type { XmlNode } from './s3-server-xml.ts';

const MAX_COPY = 5 * 1024 ** 3;

/** Headers that name what is copied. */
export const SOURCE_HEADERS = ['x-amz-copy-source', 'x-amz-copy-source-if-match', 'x-amz-source-expected-bucket-owner'];

/** The version that a copy is made of. */
export function findSource(call: S3Call): { readonly bucket: Bucket; readonly version: FoundVersion } {
  const source = call.header('x-amz-copy-source') ?? '';
  const [, name = '', key = '', id] = /^\/?([^/]+)\/(.+?)(?:\?versionId=(.+))?$/s.exec(source) ?? [];
  const bucket = call.place.buckets.get(decodeURIComponent(name));
  if (bucket === undefined) throw new S3Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist');
  const owner = call.header('x-amz-source-expected-bucket-owner');
  if (owner !== undefined && owner !== bucket.owner) throw new S3Refusal(403, 'AccessDenied', 'Access Denied');
  const version = call.find(bucket, decodeURIComponent(key), id);
  call.useKey('kms:Decrypt', version.content.settings);
  const ifMatch = call.header('x-amz-copy-source-if-match');
  if (ifMatch !== undefined && !sameTag(ifMatch, version.content.etag)) throw preconditionFailed('x-amz-copy-source-If-Match');
  return { bucket, version };
}

/** Headers about the source in the answer to a copy. */
export function sourceHeaders({ bucket, version }: ReturnType<typeof findSource>): Record<string, string | undefined> {
  return { 'x-amz-copy-source-version-id': bucket.versioning === 'Off' ? undefined : version.id };
}

export async function copyObject(call: S3Call): Promise<S3Answer> {
  const given = call.settings();
  const condition = call.condition();
  const found = findSource(call);
  const source = found.version.content;
  if (source.bytes.size > MAX_COPY) {
    throw invalidRequest(`The specified copy source is larger than the maximum allowable size for a copy source: ${MAX_COPY}`);
  }
  const replaces = directive(call, 'x-amz-metadata-directive');
  const replacesTags = directive(call, 'x-amz-tagging-directive');
  const isSelf =
    found.bucket === call.bucket && found.version.key === call.key && found.bucket.versions(call.key)[0]?.id === found.version.id;
  if (
    isSelf &&
    !replaces &&
    given.storageClass === source.settings.storageClass &&
    given.encryption.algorithm === source.settings.encryption.algorithm
  ) {
    throw invalidRequest(
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  if (!replacesTags && source.settings.tags.size > 0) {
    call.demand(
      found.version.id === 'null' ? 's3:GetObjectTagging' : 's3:GetObjectVersionTagging',
      `${found.bucket.name}/${found.version.key}`,
    );
    call.demand('s3:PutObjectTagging');
  }
  const settings = {
    ...given,
    ...(replaces ? {} : { metadata: source.settings.metadata, contentType: source.settings.contentType }),
    tags: replacesTags ? given.tags : source.settings.tags,
  };
  const content: VersionDraft = {
    bytes: source.bytes,
    etag: etagOf(await md5Of(source.bytes), settings),
    checksum: await checksumOfCopy(call, source),
    parts: undefined,
    settings,
    modified: call.now,
  };
  const version = call.bucket.put(call.key, content, condition);
  const { etag: _, ...headers } = writtenHeaders(content);
  return xmlAnswer(['CopyObjectResult', copyResult(content.etag, content.modified, content.checksum)], {
    ...call.versionHeader(version),
    ...sourceHeaders(found),
    ...headers,
  });
}

export function copyResult(
  etag: string,
  modified: Date,
  checksum: (Omit<Checksum, 'type'> & { readonly type?: string }) | undefined,
): readonly (XmlNode | undefined)[] {
  return [
    ['LastModified', modified.toISOString()],
    ['ETag', etag],
    checksum === undefined ? undefined : [`Checksum${checksum.algorithm}`, checksum.value],
    checksum?.type === undefined ? undefined : ['ChecksumType', checksum.type],
  ];
}

/** The range of a source that becomes a part. */
export function sourceRange(call: S3Call, bytes: Bytes): Bytes {
  const range = call.header('x-amz-copy-source-range');
  if (range === undefined) return bytes;
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
  if (first === undefined || Number(first) > Number(last)) {
    const message =
      'The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy';
    throw invalidArgument(message, 'x-amz-copy-source-range', range);
  }
  if (Number(last) >= bytes.size) {
    throw invalidArgument(`Range specified is not valid for source object of size: ${bytes.size}`, 'x-amz-copy-source-range', range);
  }
  return bytes.slice(Number(first), Number(last) + 1);
}

export async function md5Of(bytes: Bytes): Promise<Buffer> {
  const hash = createHash('md5');
  for await (const chunk of bytes.read()) hash.update(chunk);
  return hash.digest();
}

/** A copy is one piece: its checksum is over all its bytes, whatever that of the source was. */
async function checksumOfCopy(call: S3Call, source: VersionDraft): Promise<Checksum | undefined> {
  const asked = call.header('x-amz-checksum-algorithm');
  const algorithm = asked === undefined ? source.checksum?.algorithm : algorithmOf(asked);
  if (algorithm === undefined) {
    if (asked !== undefined) throw invalidRequest('Checksum algorithm provided is unsupported.');
    return undefined;
  }
  return { algorithm, type: 'FULL_OBJECT', value: await checksumOf(algorithm, source.bytes) };
}

function directive(call: S3Call, name: string): boolean {
  const value = call.header(name) ?? 'COPY';
  if (value !== 'COPY' && value !== 'REPLACE') throw invalidArgument('Unknown directive.', name, value);
  return value === 'REPLACE';
}
