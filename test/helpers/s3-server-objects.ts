import { invalidRequest, preconditionFailed, type S3Answer, S3Refusal } from './s3-server-answer.ts';
import { type Bucket, etagOf, type StoredPart, sameTag, type VersionDraft } from './s3-server-bucket.ts';
import { checkVersionId, type FoundVersion, type S3Call } from './s3-server-call.ts';
import { type Checksum, checksumOf } from './s3-server-checksums.ts';
import { fieldsOf, renderXml, type XmlNode } from './s3-server-xml.ts';

const MAX_PUT = 5 * 1024 ** 3;

export async function getObject(call: S3Call): Promise<S3Answer> {
  const version = call.find(call.bucket, call.key, call.parameter('versionId'));
  const { content } = version;
  call.useKey('kms:Decrypt', content.settings);
  if (call.request.method === 'GET' && ['GLACIER', 'DEEP_ARCHIVE'].includes(content.settings.storageClass)) {
    throw new S3Refusal(403, 'InvalidObjectState', "The operation is not valid for the object's storage class", {
      fields: [['StorageClass', content.settings.storageClass]],
    });
  }
  const ifMatch = call.header('if-match');
  if (ifMatch !== undefined && !sameTag(ifMatch, content.etag)) throw preconditionFailed('If-Match');
  const ifNoneMatch = call.header('if-none-match');
  const headers = { ...describe(call, version), 'accept-ranges': 'bytes' };
  if (ifNoneMatch !== undefined && sameTag(ifNoneMatch, content.etag)) return { status: 304, headers };
  const part = selectPart(call, content);
  if (part === undefined) {
    const checksums = call.header('x-amz-checksum-mode') === 'ENABLED' ? await checksumHeaders(content) : {};
    return { status: 200, headers: { ...headers, ...checksums }, body: content.bytes };
  }
  const { start, end, more } = part;
  const range = content.bytes.size === 0 ? {} : { 'content-range': `bytes ${start}-${end - 1}/${content.bytes.size}` };
  return {
    status: content.bytes.size === 0 ? 200 : 206,
    headers: { ...headers, ...range, ...more },
    body: content.bytes.slice(start, end),
  };
}

/** The range or the part that is asked for. */
function selectPart(
  call: S3Call,
  { bytes, parts, checksum }: VersionDraft,
): { readonly start: number; readonly end: number; readonly more: Readonly<Record<string, string>> } | undefined {
  const range = call.header('range');
  const number = call.parameter('partNumber');
  if (range !== undefined && number !== undefined) throw invalidRequest('Cannot specify both Range header and partNumber query parameter');
  if (number !== undefined) {
    const all: readonly Pick<StoredPart, 'number' | 'bytes' | 'checksum'>[] = parts ?? [{ number: 1, bytes, checksum: checksum?.value }];
    const index = Number(number) - 1;
    const part = all[index];
    if (part === undefined) {
      throw new S3Refusal(416, 'InvalidPartNumber', 'The requested partnumber is not satisfiable', {
        fields: [
          ['PartNumberRequested', number],
          ['ActualPartCount', all.length],
        ],
      });
    }
    const start = all.slice(0, index).reduce((sum, before) => sum + before.bytes.size, 0);
    const more: Record<string, string> = parts === undefined ? {} : { 'x-amz-mp-parts-count': String(parts.length) };
    if (call.header('x-amz-checksum-mode') === 'ENABLED' && checksum !== undefined && part.checksum !== undefined) {
      more[`x-amz-checksum-${checksum.algorithm.toLowerCase()}`] = part.checksum;
      more['x-amz-checksum-type'] = checksum.type;
    }
    return { start, end: start + part.bytes.size, more };
  }
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? [];
  if (range === undefined || first + last === '') return undefined;
  const start = first === '' ? Math.max(bytes.size - Number(last), 0) : Number(first);
  const end = first === '' || last === '' ? bytes.size : Math.min(Number(last) + 1, bytes.size);
  if (start >= bytes.size || end <= start) {
    throw new S3Refusal(416, 'InvalidRange', 'The requested range is not satisfiable', {
      fields: [
        ['RangeRequested', range],
        ['ActualObjectSize', bytes.size],
      ],
    });
  }
  return { start, end, more: {} };
}

export async function putObject(call: S3Call): Promise<S3Answer> {
  const settings = call.settings();
  const condition = call.condition();
  if (Number(call.header('content-length') ?? 0) > MAX_PUT) {
    throw new S3Refusal(400, 'EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size');
  }
  const { bytes, md5, checksum } = await call.receive();
  const isProven = checksum !== undefined || call.header('content-md5') !== undefined;
  if (!isProven && (settings.retention !== undefined || settings.legalHold)) {
    throw invalidRequest('Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters');
  }
  const content: VersionDraft = {
    bytes,
    etag: etagOf(md5, settings),
    checksum: checksum === undefined ? undefined : { ...checksum, type: 'FULL_OBJECT' },
    parts: undefined,
    settings,
    modified: call.now,
  };
  const version = call.bucket.put(call.key, content, condition);
  return { status: 200, headers: { ...call.versionHeader(version), ...writtenHeaders(content), ...(await checksumHeaders(content)) } };
}

export async function deleteObject(call: S3Call): Promise<S3Answer> {
  const id = call.parameter('versionId');
  const ifMatch = call.header('if-match');
  if (ifMatch !== undefined && id !== undefined) {
    throw new S3Refusal(501, 'NotImplemented', 'A header you provided implies functionality that is not implemented');
  }
  const { deleted, isMarker } = deleteOne(call, call.key, id, ifMatch);
  return {
    status: 204,
    headers: {
      ...(deleted === undefined ? {} : call.versionHeader({ id: deleted })),
      'x-amz-delete-marker': isMarker ? 'true' : undefined,
    },
  };
}

export async function deleteObjects(call: S3Call): Promise<S3Answer> {
  const root = await call.receiveXml('Delete', true);
  if (call.header('content-md5') === undefined && ![...call.request.headers.keys()].some((name) => name.startsWith('x-amz-checksum-'))) {
    throw invalidRequest('Missing required header for this request: Content-MD5 OR x-amz-checksum-*');
  }
  const isQuiet = root.children.some(({ name, text }) => name === 'Quiet' && text === 'true');
  const results: XmlNode[] = [];
  for (const element of root.children.filter(({ name }) => name !== 'Quiet')) {
    const fields = fieldsOf(element, ['Key', 'VersionId', 'ETag']);
    const key = fields.get('Key') ?? '';
    const id = fields.get('VersionId');
    const named: XmlNode[] = [['Key', key], ...(id === undefined ? [] : [['VersionId', id] as const])];
    try {
      const { deleted, isMarker } = deleteOne(call, key, id, fields.get('ETag'));
      const marker: XmlNode[] = isMarker
        ? [
            ['DeleteMarker', true],
            ['DeleteMarkerVersionId', deleted ?? ''],
          ]
        : [];
      if (!isQuiet) results.push(['Deleted', [...named, ...marker]]);
    } catch (error) {
      if (!(error instanceof S3Refusal)) throw error;
      results.push(['Error', [...named, ['Code', error.code], ['Message', error.message]]]);
    }
  }
  return xmlAnswer(['DeleteResult', results]);
}

function deleteOne(
  call: S3Call,
  key: string,
  id: string | undefined,
  ifMatch: string | undefined,
): { readonly deleted: string | undefined; readonly isMarker: boolean } {
  const { bucket, now } = call;
  const resource = `${bucket.name}/${key}`;
  if (id === undefined) {
    call.demand('s3:DeleteObject', resource);
    if (ifMatch !== undefined) checkDeletion(bucket, key, ifMatch);
    const marker = bucket.delete(key, now);
    return { deleted: marker?.id, isMarker: marker !== undefined };
  }
  call.demand('s3:DeleteObjectVersion', resource);
  checkVersionId(id);
  const wantsBypass = call.header('x-amz-bypass-governance-retention') === 'true';
  const removed = bucket.remove(key, id, now, wantsBypass && call.may('s3:BypassGovernanceRetention', resource));
  return { deleted: id, isMarker: removed !== undefined && removed.content === undefined };
}

function checkDeletion(bucket: Bucket, key: string, ifMatch: string): void {
  const [current] = bucket.versions(key);
  if (current?.content === undefined) throw new S3Refusal(404, 'NoSuchKey', 'The specified key does not exist.');
  if (ifMatch !== '*' && !sameTag(ifMatch, current.content.etag)) throw preconditionFailed('If-Match');
}

export async function getObjectTagging(call: S3Call): Promise<S3Answer> {
  const id = call.parameter('versionId');
  call.demand(id === undefined ? 's3:GetObjectTagging' : 's3:GetObjectVersionTagging');
  const version = call.find(call.bucket, call.key, id);
  const tags = [...version.content.settings.tags].map(
    ([name, value]): XmlNode => [
      'Tag',
      [
        ['Key', name],
        ['Value', value],
      ],
    ],
  );
  return xmlAnswer(['Tagging', [['TagSet', tags]]], call.versionHeader(version));
}

/** What the headers of an answer say of an object. */
export function describe(call: S3Call, version: FoundVersion): Record<string, string | undefined> {
  const { settings, etag } = version.content;
  const { retention, legalHold, tags, storageClass, metadata } = settings;
  const seesLock = retention !== undefined && call.may('s3:GetObjectRetention');
  return {
    ...Object.fromEntries(metadata),
    ...call.versionHeader(version),
    ...encryptionHeaders(version.content),
    etag,
    'last-modified': version.modified.toUTCString(),
    'content-type': settings.contentType,
    'x-amz-storage-class': storageClass === 'STANDARD' ? undefined : storageClass,
    'x-amz-tagging-count': tags.size === 0 ? undefined : String(tags.size),
    'x-amz-object-lock-mode': seesLock ? retention.mode : undefined,
    'x-amz-object-lock-retain-until-date': seesLock ? retention.until.toISOString() : undefined,
    'x-amz-object-lock-legal-hold': legalHold && call.may('s3:GetObjectLegalHold') ? 'ON' : undefined,
  };
}

export function writtenHeaders(content: Pick<VersionDraft, 'etag' | 'settings'>): Record<string, string | undefined> {
  return { etag: content.etag, ...encryptionHeaders(content) };
}

export function encryptionHeaders({ settings: { encryption } }: Pick<VersionDraft, 'settings'>): Record<string, string | undefined> {
  return {
    'x-amz-server-side-encryption': encryption.algorithm,
    'x-amz-server-side-encryption-aws-kms-key-id': encryption.key,
    'x-amz-server-side-encryption-bucket-key-enabled': encryption.bucketKey ? 'true' : undefined,
  };
}

/** The checksum of an object: that of the client, or the one that S3 makes of its own. */
export async function knownChecksum({ checksum, bytes }: VersionDraft): Promise<Checksum> {
  return checksum ?? { algorithm: 'CRC64NVME', type: 'FULL_OBJECT', value: await checksumOf('CRC64NVME', bytes) };
}

export async function checksumHeaders(content: VersionDraft): Promise<Record<string, string>> {
  const { algorithm, type, value } = await knownChecksum(content);
  const suffix = type === 'COMPOSITE' ? `-${content.parts?.length}` : '';
  return { [`x-amz-checksum-${algorithm.toLowerCase()}`]: `${value}${suffix}`, 'x-amz-checksum-type': type };
}

export function xmlAnswer(root: XmlNode, headers: Readonly<Record<string, string | undefined>> = {}): S3Answer {
  return { status: 200, headers: { ...headers, 'content-type': 'application/xml' }, body: renderXml(root) };
}
