import type { StorageClass } from '@aws-sdk/client-s3';
import { refused } from '../core/index.ts';
import type { ObjectAttributes } from './store.ts';

/**
 * The fields by which requests that make an object say how it is stored.
 *
 * @internal
 */
export function attributeFields({ sseKmsKey, storageClass, tags, retention, legalHold }: ObjectAttributes = {}) {
  return {
    ...(sseKmsKey === undefined ? {} : ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: sseKmsKey } as const)),
    // Which classes there are is the store's to say.
    ...(storageClass === undefined ? {} : { StorageClass: storageClass as StorageClass }),
    ...(tags === undefined ? {} : { Tagging: new URLSearchParams(tags).toString().replaceAll('+', '%20') }),
    ...(retention === undefined ? {} : { ObjectLockMode: retention.mode, ObjectLockRetainUntilDate: retention.until }),
    ...(legalHold ? ({ ObjectLockLegalHoldStatus: 'ON' } as const) : {}),
  };
}

/**
 * Makes sure that a store encrypts as it was asked to: some take the request and ignore it.
 *
 * @throws MlsignError `encryption-ignored`
 */
export function checkEncryption(attributes: ObjectAttributes = {}, encryption: string | undefined, subject: string): void {
  if (attributes.sseKmsKey === undefined || encryption === 'aws:kms' || encryption === 'aws:kms:dsse') return;
  throw refused('encryption-ignored', 'the store does not encrypt with the KMS key', {
    subject,
    expected: 'aws:kms',
    got: encryption ?? 'no encryption',
    suggestions: ['leave --sse-kms out, or use a store that has it'],
  });
}
