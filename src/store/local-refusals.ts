import { type MlsignError, refused, unavailable } from '../core/index.ts';
import type { ObjectAttributes } from './store.ts';

/**
 * Refuses what only buckets have.
 *
 * @throws MlsignError `attribute-unsupported`
 */
export function refuseAttributes(attributes: ObjectAttributes = {}): void {
  const [asked] = Object.entries(attributes).find(([, value]) => value !== undefined) ?? [];
  if (asked === undefined) return;
  throw refused('attribute-unsupported', 'a local store has no encryption, storage classes, tags or locks of its own', {
    subject: asked,
    suggestions: ['leave it out, or use a bucket'],
  });
}

export function objectTooLarge(subject: string, maxBytes: number, size: number): MlsignError {
  return refused('object-too-large', 'the object is larger than mlsign reads', {
    subject,
    expected: `at most ${maxBytes} bytes`,
    got: `${size} bytes`,
  });
}

export function objectMissing(subject: string, version: string): MlsignError {
  return unavailable('object-missing', 'there is no such version of the object', {
    subject,
    expected: `version ${version}`,
    got: 'nothing',
    suggestions: ['it was removed: push the model again, or use another release'],
  });
}

export function objectTruncated(subject: string, size: number, got: number): MlsignError {
  return refused('object-truncated', 'the object is not of the recorded size', {
    subject,
    expected: `${size} bytes`,
    got: `${got} bytes`,
  });
}
