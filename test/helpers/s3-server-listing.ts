import { invalidArgument, type S3Answer, type S3Refusal } from './s3-server-answer.ts';
import { type Bucket, compareKeys, type StoredUpload, type StoredVersion, type VersionDraft } from './s3-server-bucket.ts';
import { checkVersionId, type S3Call } from './s3-server-call.ts';
import { xmlAnswer } from './s3-server-objects.ts';
import { encode, numberIn } from './s3-server-request.ts';
import type { XmlNode } from './s3-server-xml.ts';

const OWNER: XmlNode = ['Owner', [['ID', '75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a']]];

/** What one page of a listing says: entries, and prefixes that stand for many. */
interface Page<T> {
  readonly entries: readonly T[];
  readonly prefixes: readonly string[];
  readonly isTruncated: boolean;
  /** What the next page begins after: an entry, or a prefix. */
  readonly last: T | string | undefined;
}

/** How a listing was asked for. */
interface Listing {
  readonly prefix: string;
  readonly delimiter: string;
  readonly max: number;
  /** Text as the answer writes it. */
  readonly text: (value: string) => string;
  readonly encoding: XmlNode | undefined;
}

export async function listObjectsV2(call: S3Call): Promise<S3Answer> {
  call.demand('s3:ListBucket');
  const type = call.parameter('list-type') ?? '';
  if (type !== '2') throw invalidArgument('Invalid List Type specified in Request', 'list-type', type);
  const listing = readListing(call, 'max-keys');
  const token = call.parameter('continuation-token');
  const after = token === undefined ? (call.parameter('start-after') ?? '') : Buffer.from(token, 'base64').toString();
  const current = call.bucket.keys().flatMap((key) => {
    const [newest] = call.bucket.versions(key);
    return newest?.content === undefined ? [] : [{ ...newest, content: newest.content }];
  });
  const page = pageOf(current, listing, (entry) => compareKeys(entry.key, after) > 0, after);
  const { text } = listing;
  const last = typeof page.last === 'object' ? page.last.key : page.last;
  return xmlAnswer([
    'ListBucketResult',
    [
      ['Name', call.bucket.name],
      ...headOf(listing),
      ['KeyCount', page.entries.length + page.prefixes.length],
      ['MaxKeys', listing.max],
      ['IsTruncated', page.isTruncated],
      token === undefined ? undefined : ['ContinuationToken', token],
      page.isTruncated ? ['NextContinuationToken', Buffer.from(last ?? '').toString('base64')] : undefined,
      call.parameter('start-after') === undefined ? undefined : ['StartAfter', text(call.parameter('start-after') ?? '')],
      ...page.entries.map((entry): XmlNode => ['Contents', [['Key', text(entry.key)], ...contentOf(entry, entry.content)]]),
      ...prefixNodes(page, listing),
    ],
  ]);
}

export async function listObjectVersions(call: S3Call): Promise<S3Answer> {
  call.demand('s3:ListBucketVersions');
  const listing = readListing(call, 'max-keys');
  const keyMarker = call.parameter('key-marker') ?? '';
  const versionMarker = call.parameter('version-id-marker');
  if (versionMarker !== undefined) {
    if (keyMarker === '')
      throw invalidArgument('A version-id marker cannot be specified without a key marker.', 'version-id-marker', versionMarker);
    checkVersionId(versionMarker);
  }
  const history = call.bucket.versions(keyMarker);
  const seen = new Set(versionMarker === undefined ? history : history.slice(0, history.findIndex(({ id }) => id === versionMarker) + 1));
  const isAfter = (version: StoredVersion) => (version.key === keyMarker ? !seen.has(version) : compareKeys(version.key, keyMarker) > 0);
  const page = pageOf(versionsFrom(call.bucket, listing.prefix, keyMarker), listing, isAfter, versionMarker === undefined ? keyMarker : '');
  const { text } = listing;
  const next = page.isTruncated ? page.last : undefined;
  return xmlAnswer([
    'ListVersionsResult',
    [
      ['Name', call.bucket.name],
      ...headOf(listing),
      ['KeyMarker', text(keyMarker)],
      ['VersionIdMarker', versionMarker ?? ''],
      next === undefined ? undefined : ['NextKeyMarker', text(typeof next === 'string' ? next : next.key)],
      typeof next === 'object' ? ['NextVersionIdMarker', next.id] : undefined,
      ['MaxKeys', listing.max],
      ['IsTruncated', page.isTruncated],
      ...page.entries.map((version): XmlNode => {
        const isLatest = call.bucket.versions(version.key)[0] === version;
        const named: readonly XmlNode[] = [
          ['Key', text(version.key)],
          ['VersionId', version.id],
          ['IsLatest', isLatest],
        ];
        if (version.content === undefined) return ['DeleteMarker', [...named, ['LastModified', version.modified.toISOString()], OWNER]];
        return ['Version', [...named, ...contentOf(version, version.content), OWNER]];
      }),
      ...prefixNodes(page, listing),
    ],
  ]);
}

/** Every version of the keys with a prefix, from a key on: what comes before is not looked at, so that long lists have an end. */
function* versionsFrom(bucket: Bucket, prefix: string, keyMarker: string): Generator<StoredVersion> {
  const keys = bucket.keys();
  const start = compareKeys(prefix, keyMarker) > 0 ? prefix : keyMarker;
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareKeys(keys[middle] ?? '', start) < 0) low = middle + 1;
    else high = middle;
  }
  for (; low < keys.length; low++) {
    const key = keys[low] ?? '';
    if (!key.startsWith(prefix)) return;
    yield* bucket.versions(key);
  }
}

export async function listMultipartUploads(call: S3Call): Promise<S3Answer> {
  call.demand('s3:ListBucketMultipartUploads');
  const listing = readListing(call, 'max-uploads');
  const keyMarker = call.parameter('key-marker') ?? '';
  const idMarker = call.parameter('upload-id-marker');
  const all = [...call.bucket.uploads.values()].sort((a, b) => compareKeys(a.key, b.key) || a.started.getTime() - b.started.getTime());
  const seen = all.findIndex(({ key, id }) => key === keyMarker && id === idMarker);
  const isAfter = (upload: StoredUpload) =>
    compareKeys(upload.key, keyMarker) > 0 || (upload.key === keyMarker && seen >= 0 && all.indexOf(upload) > seen);
  const page = pageOf(all, listing, isAfter, idMarker === undefined ? keyMarker : '');
  const { text } = listing;
  const next = page.isTruncated ? page.last : undefined;
  return xmlAnswer([
    'ListMultipartUploadsResult',
    [
      ['Bucket', call.bucket.name],
      ['KeyMarker', text(keyMarker)],
      ['UploadIdMarker', idMarker ?? ''],
      next === undefined ? undefined : ['NextKeyMarker', text(typeof next === 'string' ? next : next.key)],
      typeof next === 'object' ? ['NextUploadIdMarker', next.id] : undefined,
      ...headOf(listing),
      ['MaxUploads', listing.max],
      ['IsTruncated', page.isTruncated],
      ...page.entries.map(
        ({ key, id, started, settings, algorithm, type }): XmlNode => [
          'Upload',
          [
            ['Key', text(key)],
            ['UploadId', id],
            OWNER,
            ['StorageClass', settings.storageClass],
            ['Initiated', started.toISOString()],
            algorithm === undefined ? undefined : ['ChecksumAlgorithm', algorithm],
            algorithm === undefined ? undefined : ['ChecksumType', type],
          ],
        ],
      ),
      ...prefixNodes(page, listing),
    ],
  ]);
}

function readListing(call: S3Call, maxName: string): Listing {
  const refuse = (text: string): S3Refusal => invalidArgument(`Provided ${maxName} not an integer or within integer range`, maxName, text);
  const encoding = call.parameter('encoding-type');
  if (encoding !== undefined && encoding !== 'url')
    throw invalidArgument('Invalid Encoding Method specified in Request', 'encoding-type', encoding);
  return {
    prefix: call.parameter('prefix') ?? '',
    delimiter: call.parameter('delimiter') ?? '',
    max: numberIn(call.parameter(maxName), 1000, 1000, refuse),
    text: encoding === undefined ? (value) => value : (value) => encode(value).replaceAll('%2F', '/').replaceAll('%20', '+'),
    encoding: encoding === undefined ? undefined : ['EncodingType', encoding],
  };
}

/** The part of a listing that fits on a page. A common prefix counts as one, and is not repeated after a marker that lies in it. */
function pageOf<T extends { readonly key: string }>(
  all: Iterable<T>,
  { prefix, delimiter, max }: Listing,
  isAfter: (entry: T) => boolean,
  marker: string,
): Page<T> {
  const entries: T[] = [];
  const prefixes = new Set<string>();
  let last: T | string | undefined;
  for (const entry of all) {
    if (!entry.key.startsWith(prefix) || !isAfter(entry)) continue;
    const end = delimiter === '' ? -1 : entry.key.indexOf(delimiter, prefix.length);
    const common = end < 0 ? undefined : entry.key.slice(0, end + delimiter.length);
    if (common !== undefined && (prefixes.has(common) || (marker !== '' && marker.startsWith(common)))) continue;
    if (entries.length + prefixes.size >= max) return { entries, prefixes: [...prefixes], isTruncated: max > 0, last };
    if (common === undefined) entries.push(entry);
    else prefixes.add(common);
    last = common ?? entry;
  }
  return { entries, prefixes: [...prefixes], isTruncated: false, last };
}

function headOf({ prefix, delimiter, text, encoding }: Listing): readonly (XmlNode | undefined)[] {
  return [['Prefix', text(prefix)], delimiter === '' ? undefined : ['Delimiter', text(delimiter)], encoding];
}

function prefixNodes({ prefixes }: { readonly prefixes: readonly string[] }, { text }: Listing): readonly XmlNode[] {
  return prefixes.map((prefix): XmlNode => ['CommonPrefixes', [['Prefix', text(prefix)]]]);
}

function contentOf({ modified }: StoredVersion, { etag, bytes, settings, checksum }: VersionDraft): readonly XmlNode[] {
  return [
    ['LastModified', modified.toISOString()],
    ['ETag', etag],
    ['ChecksumAlgorithm', checksum?.algorithm ?? 'CRC64NVME'],
    ['ChecksumType', checksum?.type ?? 'FULL_OBJECT'],
    ['Size', bytes.size],
    ['StorageClass', settings.storageClass],
  ];
}
