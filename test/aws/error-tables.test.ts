import assert from 'node:assert/strict';
import { awsError } from '../../src/aws/aws-errors.ts';
import { s3Error } from '../../src/aws/s3-errors.ts';
import { MlsignError } from '../../src/core/index.ts';

const CALL = { action: 'kms:Sign', subject: 'alias/release' };

/** An error as the SDK throws it. */
function sdkError(name: string, message = 'no', httpStatusCode = 400): Error {
  return Object.assign(new Error(message), { name, $fault: 'client', $metadata: { httpStatusCode } });
}

describe('what AWS refuses', () => {
  const rows: readonly (readonly ['kms' | 's3', Error, outcome: string, code: string, message: RegExp])[] = [
    ['kms', sdkError('KMSInvalidStateException'), 'unavailable', 'kms-key-state', /in a state in which it cannot be used/],
    ['kms', sdkError('KeyUnavailableException'), 'unavailable', 'kms-key-unavailable', /not available/],
    ['kms', sdkError('LimitExceededException'), 'unavailable', 'kms-limit-exceeded', /quota of the AWS account/],
    ['kms', sdkError('TagException'), 'refused', 'kms-tag-refused', /does not take the tags/],
    ['s3', sdkError('InvalidTag'), 'refused', 'tags-refused', /does not take the tags/],
    ['s3', sdkError('InvalidBucketState'), 'refused', 'bucket-state', /in a state that does not allow this/],
  ];
  for (const [service, thrown, outcome, code, message] of rows) {
    it(`is ${code} where it says ${thrown.name}`, () => {
      const error = service === 'kms' ? awsError(thrown, CALL, 1) : s3Error(thrown, CALL, 1);
      assert.ok(error instanceof MlsignError);
      assert.deepEqual([error.outcome, error.code, error.subject], [outcome, code, 'alias/release']);
      assert.match(error.message, message);
    });
  }
});
