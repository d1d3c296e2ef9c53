import { invalidArgument, invalidRequest, S3Refusal } from './s3-server-answer.ts';
import type { S3Request } from './s3-server-request.ts';

/** How an object is stored, as the headers of a write say it. */
export interface ObjectSettings {
  readonly contentType: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly storageClass: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly encryption: {
    readonly algorithm: 'AES256' | 'aws:kms';
    /** ARN. */
    readonly key?: string;
    readonly bucketKey: boolean;
  };
  readonly retention: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly until: Date } | undefined;
  readonly legalHold: boolean;
}

/** Headers that {@link readSettings} reads; besides `x-amz-meta-*`. */
export const SETTING_HEADERS = [
  'content-type',
  'x-amz-storage-class',
  'x-amz-tagging',
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-bucket-key-enabled',
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-object-lock-legal-hold',
];

const STORAGE_CLASSES =
  'STANDARD REDUCED_REDUNDANCY STANDARD_IA ONEZONE_IA INTELLIGENT_TIERING GLACIER DEEP_ARCHIVE GLACIER_IR EXPRESS_ONEZONE'.split(' ');

/** What a write may refer to. */
export interface SettingPlace {
  readonly objectLock: boolean;
  /** The ARN of each key of KMS, by every name that it has. */
  readonly kmsKeys: ReadonlyMap<string, string>;
  readonly now: Date;
}

export function readSettings({ headers }: S3Request, place: SettingPlace): ObjectSettings {
  const storageClass = headers.get('x-amz-storage-class') ?? 'STANDARD';
  if (!STORAGE_CLASSES.includes(storageClass)) {
    throw new S3Refusal(400, 'InvalidStorageClass', 'The storage class you specified is not valid');
  }
  const metadata = [...headers].filter(([name]) => name.startsWith('x-amz-meta-'));
  if (metadata.reduce((sum, [name, value]) => sum + name.length - 'x-amz-meta-'.length + value.length, 0) > 2048) {
    throw new S3Refusal(400, 'MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size');
  }
  return {
    contentType: headers.get('content-type') ?? 'binary/octet-stream',
    metadata: new Map(metadata),
    storageClass,
    tags: readTags(headers.get('x-amz-tagging') ?? ''),
    encryption: readEncryption(headers, place),
    ...readLock(headers, place),
  };
}

/** Whether a version may not be removed. */
export function isLocked({ retention, legalHold }: ObjectSettings, now: Date, bypassesGovernance: boolean): boolean {
  if (legalHold) return true;
  if (retention === undefined || retention.until <= now) return false;
  return retention.mode === 'COMPLIANCE' || !bypassesGovernance;
}

function readTags(header: string): ReadonlyMap<string, string> {
  const pairs = header === '' ? [] : header.split('&').map((pair) => pair.split('='));
  const tags = new Map<string, string>();
  for (const [key = '', value = '', ...more] of pairs) {
    const [name, text] = [decode(key), decode(value)];
    const isWrong = more.length > 0 || name === '' || name.length > 128 || text.length > 256 || tags.has(name);
    if (isWrong || !/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u.test(name + text)) {
      throw new S3Refusal(400, 'InvalidTag', 'The TagKey you have provided is invalid');
    }
    tags.set(name, text);
  }
  if (tags.size > 10) throw new S3Refusal(400, 'BadRequest', 'Object tags cannot be greater than 10');
  return tags;
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

function readEncryption(headers: ReadonlyMap<string, string>, { kmsKeys }: SettingPlace): ObjectSettings['encryption'] {
  const algorithm = headers.get('x-amz-server-side-encryption') ?? 'AES256';
  const key = headers.get('x-amz-server-side-encryption-aws-kms-key-id');
  const bucketKey = headers.get('x-amz-server-side-encryption-bucket-key-enabled') === 'true';
  if (algorithm === 'AES256') {
    if (key === undefined) return { algorithm, bucketKey: false };
    throw invalidArgument(
      'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
      'x-amz-server-side-encryption',
      'AES256',
    );
  }
  if (algorithm !== 'aws:kms') {
    throw invalidArgument('The encryption method specified is not supported', 'x-amz-server-side-encryption', algorithm);
  }
  const arn = kmsKeys.get(key ?? 'alias/aws/s3');
  if (arn === undefined) throw new S3Refusal(400, 'KMS.NotFoundException', `Key '${key}' does not exist`);
  return { algorithm, key: arn, bucketKey };
}

function readLock(
  headers: ReadonlyMap<string, string>,
  { objectLock, now }: SettingPlace,
): Pick<ObjectSettings, 'retention' | 'legalHold'> {
  const mode = headers.get('x-amz-object-lock-mode');
  const date = headers.get('x-amz-object-lock-retain-until-date');
  const hold = headers.get('x-amz-object-lock-legal-hold');
  if (mode === undefined && date === undefined && hold === undefined) return { retention: undefined, legalHold: false };
  if (!objectLock) throw invalidRequest('Bucket is missing Object Lock Configuration');
  if (hold !== undefined && hold !== 'ON' && hold !== 'OFF') throw invalidArgument('Legal Hold must be either of ON or OFF', 'hold', hold);
  const legalHold = hold === 'ON';
  if (mode === undefined && date === undefined) return { retention: undefined, legalHold };
  if (mode === undefined || date === undefined) {
    const message = 'x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied';
    throw invalidArgument(message, 'x-amz-object-lock-mode', mode ?? '');
  }
  if (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') throw invalidArgument('Unknown wormMode directive.', 'x-amz-object-lock-mode', mode);
  const until = new Date(date);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(date) || Number.isNaN(until.getTime())) {
    throw invalidArgument('The retain until date must be provided in ISO 8601 format', 'x-amz-object-lock-retain-until-date', date);
  }
  if (until <= now) {
    throw invalidArgument('The retain until date must be in the future!', 'x-amz-object-lock-retain-until-date', date);
  }
  return { retention: { mode, until }, legalHold };
}
