import { MlsignError, refused, unavailable } from '../core/index.ts';
import { type AwsCall, awsError, said } from './aws-errors.ts';
import { isUnreadable, judgeAwsFailure, statusOf } from './failure.ts';
import type { Failure } from './retry.ts';

type Row = readonly [make: typeof refused, code: string, message: string, suggestion?: string];

/** What each refusal of S3 means. */
const ERRORS: Readonly<Record<string, Row>> = {
  NoSuchBucket: [unavailable, 'bucket-missing', 'there is no such bucket', 'check its name, the account and the endpoint'],
  NoSuchUpload: [unavailable, 'upload-missing', 'the upload is not there any more: it was ended, or aborted by somebody', 'run it again'],
  EntityTooLarge: [refused, 'object-too-large', 'the store does not take so large an object'],
  QuotaExceeded: [
    unavailable,
    'store-full',
    'the quota of the bucket is used up',
    'remove what is not needed (mlsign gc), or raise the quota',
  ],
  XMinioAdminBucketQuotaExceeded: [unavailable, 'store-full', 'the quota of the bucket is used up', 'mlsign gc, or raise the quota'],
  XMinioStorageFull: [unavailable, 'store-full', 'the store has no space left', 'mlsign gc, or add space'],
  InvalidStorageClass: [refused, 'storage-class-unknown', 'the store has no such storage class'],
  InvalidTag: [refused, 'tags-refused', 'the store does not take the tags'],
  InvalidBucketState: [refused, 'bucket-state', 'the bucket is in a state that does not allow this'],
  InvalidObjectState: [
    unavailable,
    'object-archived',
    'the object lies in an archive and cannot be read yet',
    'aws s3api restore-object, and wait until it is done',
  ],
  RequestTimeTooSkewed: [unavailable, 'clock-wrong', 'the clock of this machine is not that of the store', 'set the clock'],
};

const MISSING = ['NoSuchKey', 'NoSuchVersion', 'NotFound'];
const BYTES_REFUSED = ['BadDigest', 'InvalidDigest', 'XAmzContentChecksumMismatch', 'XAmzContentSHA256Mismatch'];
const WRONG_REGION = ['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'];
/** Passes when it is asked again: another writer is at work, or the body was damaged or cut on its way. */
const PASSING = ['ConditionalRequestConflict', 'OperationAborted', 'RequestTimeout', 'IncompleteBody', ...BYTES_REFUSED];

/** Whether a call to S3 that failed may pass when it is made again. */
export function judgeS3Failure(error: unknown): Failure {
  if (error instanceof Error && !(error instanceof MlsignError)) {
    if (PASSING.includes(error.name)) return { passing: 'transient', reason: error.name };
    const status = statusOf(error);
    // An answer to HEAD has no body that could say more.
    if (status !== undefined && status < 500 && status !== 408 && isUnreadable(error) && status >= 300) {
      return status === 429 ? { passing: 'throttled', reason: 'HTTP 429' } : { passing: undefined, reason: `HTTP ${status}` };
    }
  }
  const failure = judgeAwsFailure(error);
  // Without s3:ListBucket "forbidden" is also how S3 says "absent": waiting for a permission would make every such answer slow.
  return failure.passing === 'settling' ? { ...failure, passing: undefined } : failure;
}

/** Whether S3 says that the object, or this version of it, is not there. */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof Error) || error.name === 'NoSuchBucket' || error.name === 'NoSuchUpload') return false;
  // 405: the version is a delete marker.
  return MISSING.includes(error.name) || (error.name !== 'NotImplemented' && [404, 405].includes(statusOf(error) ?? 0));
}

/** Whether S3 refuses without telling whether there is anything. */
export function isForbidden(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AccessDenied' || (statusOf(error) === 403 && isUnreadable(error)));
}

/** Whether the condition of a conditional write does not hold. */
export function isConditionFailed(error: unknown): boolean {
  return error instanceof Error && (error.name === 'PreconditionFailed' || statusOf(error) === 412);
}

/** Whether an upload in parts is not there, or not any more. */
export function isUploadMissing(error: unknown): boolean {
  return error instanceof Error && error.name === 'NoSuchUpload';
}

/** Whether the store does not know the request, or a part of it. */
export function isUnsupported(error: unknown): boolean {
  return error instanceof Error && (['NotImplemented', 'MethodNotAllowed'].includes(error.name) || statusOf(error) === 501);
}

/**
 * An error of the SDK for S3 as ours.
 *
 * @param call its subject is the object, or the bucket
 * @param attempts how often it was tried
 */
export function s3Error(error: unknown, call: AwsCall, attempts: number): Error {
  if (!(error instanceof Error) || error instanceof MlsignError) return awsError(error, call, attempts);
  const { subject } = call;
  if (error.name.startsWith('KMS.')) return awsError(renamed(error, error.name.slice('KMS.'.length)), call, attempts);
  const row = Object.hasOwn(ERRORS, error.name) ? ERRORS[error.name] : undefined;
  if (row !== undefined) {
    const [make, code, message, suggestion] = row;
    return make(code, message, { subject, got: said(error, call), suggestions: suggestion === undefined ? [] : [suggestion] });
  }
  if (WRONG_REGION.includes(error.name) || statusOf(error) === 301) return regionError(error, call);
  if (isMissing(error)) {
    return unavailable('object-missing', 'there is no such object in the store', {
      subject,
      suggestions: ['mlsign history, mlsign restore'],
    });
  }
  if (BYTES_REFUSED.includes(error.name)) {
    return unavailable('bytes-refused', `the store refused the bytes: they are not those of the checksum, sent ${attempts} times`, {
      subject,
      got: said(error, call),
      suggestions: ['check the network and the memory of this machine: bytes change on their way'],
    });
  }
  if (/missing Object ?Lock/.test(error.message)) {
    return refused('object-lock-missing', 'the bucket has no Object Lock', {
      subject,
      got: said(error, call),
      suggestions: ['leave out retention and legal hold, or make a bucket with Object Lock'],
    });
  }
  if (isLocked(error)) {
    return refused('object-locked', 'the object is under a retention or a legal hold', {
      subject,
      got: said(error, call),
      suggestions: ['wait until the retention ends, or have the hold released'],
    });
  }
  return isForbidden(error) ? forbidden(error, call) : awsError(error, call, attempts);
}

function forbidden(error: Error, call: AwsCall): MlsignError {
  const needed = /to perform: ([a-z0-9-]+:[A-Za-z]+)/.exec(error.message)?.[1] ?? call.action;
  return unavailable('object-forbidden', `absent or forbidden: ${needed}`, {
    subject: call.subject,
    expected: needed,
    got: isUnreadable(error) ? `HTTP ${statusOf(error)}` : said(error, call),
    suggestions: [
      `allow ${needed} in the policy of the role and, for another account, in that of the bucket; s3:ListBucket tells absent from forbidden`,
      ...(call.withoutPermission === undefined ? [] : [call.withoutPermission]),
    ],
  });
}

function regionError(error: Error, call: AwsCall): MlsignError {
  const region = regionOf(error);
  return unavailable('aws-region-wrong', 'the bucket is in another region', {
    subject: call.subject,
    expected: region,
    got: said(error, call),
    suggestions: [`--region ${region ?? 'REGION'}, or AWS_REGION`],
  });
}

function regionOf(error: Error): string | undefined {
  const named = /expecting '([a-z0-9-]{1,32})'/.exec(error.message)?.[1];
  if (named !== undefined) return named;
  if ('Region' in error && typeof error.Region === 'string') return error.Region;
  const headers =
    '$response' in error && typeof error.$response === 'object' && error.$response !== null && 'headers' in error.$response
      ? new Map(Object.entries(error.$response.headers ?? {}))
      : undefined;
  const region: unknown = headers?.get('x-amz-bucket-region');
  return typeof region === 'string' ? region : undefined;
}

/** AWS and versitygw say AccessDenied, MinIO InvalidRequest. */
function isLocked({ name, message }: Error): boolean {
  return ['AccessDenied', 'InvalidRequest', 'ObjectLocked'].includes(name) && /object lock|WORM|legal hold|object protected/i.test(message);
}

function renamed(error: Error, name: string): Error {
  return Object.assign(new Error(error.message), { name, $metadata: '$metadata' in error ? error.$metadata : {}, $fault: 'client' });
}
