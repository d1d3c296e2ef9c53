import { AnswerMalformed, fieldsOf, listOf, textOf } from '../aws/index.ts';
import { compareCodePoints, throwIfAborted, unavailable } from '../core/index.ts';
import { type S3Bucket, versionOf } from './s3-bucket.ts';
import { type AbandonedUpload, type HistoryEntry, NULL_VERSION } from './store.ts';

/** One answer to a request for a list. */
interface Page<T> {
  readonly items: readonly T[];
  /** Where the next one begins. */
  readonly next: Readonly<Record<string, string | undefined>> | undefined;
}

/** Every version and delete marker under a prefix: keys in code point order, newest first within one. */
export async function* listVersions(bucket: S3Bucket, prefix: string, signal?: AbortSignal): AsyncGenerator<HistoryEntry> {
  let last: HistoryEntry | undefined;
  for await (const page of pages(bucket, prefix, signal, (marker) => versionsPage(bucket, prefix, undefined, marker, signal))) {
    for (const { entry } of page) {
      // A store whose pages overlap lists an entry twice.
      if (last !== undefined && (compareCodePoints(entry.key, last.key) < 0 || isSame(entry, last))) continue;
      last = entry;
      yield entry;
    }
  }
}

/** The names directly beneath a prefix that have something beneath them. */
export async function listFolders(bucket: S3Bucket, prefix: string, signal?: AbortSignal): Promise<readonly string[]> {
  const names = new Set<string>();
  for await (const page of pages(bucket, prefix, signal, (marker) => foldersPage(bucket, prefix, marker, signal))) {
    for (const folder of page) names.add(folder.slice(prefix.lastIndexOf('/') + 1, -1));
  }
  return [...names].filter((name) => name !== '').sort(compareCodePoints);
}

/** Uploads in parts that nobody has ended. */
export async function listUploads(bucket: S3Bucket, prefix: string, signal?: AbortSignal): Promise<readonly AbandonedUpload[]> {
  const uploads: AbandonedUpload[] = [];
  const request = (marker: Readonly<Record<string, string | undefined>>) =>
    bucket.call(
      's3:ListBucketMultipartUploads',
      prefix,
      async ({ client, sdk, abortSignal }, { Bucket }) => {
        const command = new sdk.ListMultipartUploadsCommand({ Bucket, Prefix: prefix, EncodingType: 'url', ...marker });
        const answer = await client.send(command, { abortSignal });
        const items = listOf(answer.Uploads ?? [], (upload) => {
          const { Key, UploadId, Initiated } = fieldsOf(upload);
          return { key: keyOf(Key, answer.EncodingType), id: textOf(UploadId), started: dateOf(Initiated) };
        });
        const next = { KeyMarker: markerOf(answer.NextKeyMarker, answer.EncodingType), UploadIdMarker: answer.NextUploadIdMarker };
        return { items, next: answer.IsTruncated ? next : undefined };
      },
      { signal },
    );
  for await (const page of pages(bucket, prefix, signal, request)) uploads.push(...page.filter(({ key }) => key.startsWith(prefix)));
  return uploads;
}

async function* pages<T>(
  bucket: S3Bucket,
  prefix: string,
  signal: AbortSignal | undefined,
  request: (marker: Readonly<Record<string, string | undefined>>) => Promise<Page<T>>,
): AsyncGenerator<readonly T[]> {
  let marker: Readonly<Record<string, string | undefined>> = {};
  for (;;) {
    const { items, next } = await request(marker);
    yield items;
    if (next === undefined) return;
    if (Object.values(next).every((value) => value === undefined) || JSON.stringify(next) === JSON.stringify(marker)) {
      throw unavailable('aws-answer-malformed', 'the list of objects does not come to an end', {
        subject: bucket.subject(prefix),
        got: 'a page that leads to itself',
      });
    }
    throwIfAborted(signal);
    marker = next;
  }
}

function versionsPage(
  bucket: S3Bucket,
  prefix: string,
  delimiter: string | undefined,
  marker: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
) {
  return bucket.call(
    's3:ListBucketVersions',
    prefix,
    async ({ client, sdk, abortSignal }, { Bucket }) => {
      const input = { Bucket, Prefix: prefix, Delimiter: delimiter, EncodingType: 'url', ...marker } as const;
      const answer = await client.send(new sdk.ListObjectVersionsCommand(input), { abortSignal });
      const { EncodingType: encoding } = answer;
      const order = new Map<unknown, number>(
        'EntryOrder' in answer ? listOf(answer.EntryOrder, (entry) => entry).map((entry, i) => [entry, i]) : [],
      );
      const items = [
        ...listOf(answer.Versions ?? [], (entry) => ({ entry: entryOf(entry, false, encoding), place: order.get(placeName(entry)) ?? 0 })),
        ...listOf(answer.DeleteMarkers ?? [], (entry) => ({
          entry: entryOf(entry, true, encoding),
          place: order.get(placeName(entry)) ?? 0,
        })),
      ].filter(({ entry }) => entry.key.startsWith(prefix));
      items.sort(
        (a, b) => compareCodePoints(a.entry.key, b.entry.key) || Number(b.entry.isCurrent) - Number(a.entry.isCurrent) || a.place - b.place,
      );
      const folders = listOf(answer.CommonPrefixes ?? [], (folder) => keyOf(fieldsOf(folder).Prefix, encoding));
      const next = { KeyMarker: markerOf(answer.NextKeyMarker, encoding), VersionIdMarker: answer.NextVersionIdMarker };
      return { items, folders, next: answer.IsTruncated ? next : undefined };
    },
    { signal },
  );
}

async function foldersPage(
  bucket: S3Bucket,
  prefix: string,
  marker: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
): Promise<Page<string>> {
  const { folders, next } = await versionsPage(bucket, prefix, '/', marker, signal);
  return { items: folders.filter((folder) => folder.startsWith(prefix)), next };
}

function entryOf(listed: unknown, isDeleted: boolean, encoding: unknown): HistoryEntry {
  const { Key, VersionId, Size, IsLatest, LastModified } = fieldsOf(listed);
  return {
    key: keyOf(Key, encoding),
    version: versionOf(VersionId ?? NULL_VERSION),
    size: isDeleted ? 0 : sizeOf(Size),
    isCurrent: IsLatest === true,
    isDeleted,
    modified: dateOf(LastModified),
  };
}

function placeName(listed: unknown): string {
  const { Key, VersionId } = fieldsOf(listed);
  return `${Key}\n${VersionId ?? ''}`;
}

function isSame(a: HistoryEntry, b: HistoryEntry): boolean {
  return a.key === b.key && a.version === b.version;
}

/** A key of a list. Encoding is asked for, so that every key fits into XML; versitygw does not know it, and does not say that it does. */
function keyOf(listed: unknown, encoding: unknown): string {
  const text = textOf(listed);
  if (encoding !== 'url') return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new AnswerMalformed();
  }
}

function markerOf(marker: string | undefined, encoding: unknown): string | undefined {
  return marker === undefined || marker === '' ? undefined : keyOf(marker, encoding);
}

function sizeOf(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new AnswerMalformed();
}

function dateOf(value: unknown): Date {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value;
  throw new AnswerMalformed();
}
