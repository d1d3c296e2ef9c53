import { type MlsignError, refused } from '../core/index.ts';
import { DerError, type DerValue, objectIdentifier, readDer, sequenceItems, smallInteger, TAG, timeOf } from '../formats/index.ts';

const OID = {
  sha256: '2.16.840.1.101.3.4.2.1',
  signedData: '1.2.840.113549.1.7.2',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
} as const;

/** What a timestamp must be about. */
export interface TimestampQuestion {
  /** SHA-256. */
  readonly imprint: Uint8Array;
  /** The content of the INTEGER. */
  readonly nonce: Uint8Array;
  /** Names the authority in errors. */
  readonly where: string;
}

/**
 * The request for a timestamp (RFC 3161 §2.4.1): version 1, SHA-256 imprint, nonce, certificates wanted.
 *
 * @param nonce eight bytes
 */
export function timestampRequest(imprint: Uint8Array, nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = Buffer.from('3043020101 3031300d060960864801650304020105000420'.replace(' ', ''), 'hex');
  return Buffer.concat([head, imprint, Buffer.of(TAG.integer, 8), nonce, Buffer.of(TAG.boolean, 1, 0xff)]);
}

/**
 * The time of a timestamp response (RFC 3161 §2.4.2) that answers the question. Who signed it is not judged: that takes a
 * verifier and its roots.
 *
 * @throws MlsignError `timestamp-refused` (the authority says no), `timestamp-wrong` (about something else), `timestamp-malformed`
 */
export function readTimestamp(response: Uint8Array, question: TimestampQuestion): Date {
  try {
    const [status, token] = sequenceItems(readDer(response, { fractions: true }), 1, 2);
    checkStatus(required(status), question.where);
    return checkInfo(infoOf(required(token)), question);
  } catch (error) {
    if (error instanceof DerError) throw malformed(question.where, error.message);
    throw error;
  }
}

/** PKIStatusInfo: granted, or granted with modifications. */
function checkStatus(info: DerValue, where: string): void {
  const [status, ...rest] = sequenceItems(info, 1, 3);
  const number = smallInteger(required(status));
  if (number <= 1) return;
  const texts = rest.filter(({ tag }) => tag === TAG.sequence).flatMap(({ items }) => items);
  const told = texts.map(({ content }) => Buffer.from(content).toString('utf8')).join(', ');
  throw refused('timestamp-refused', 'the timestamp authority gives no timestamp', {
    subject: where,
    expected: 'status 0 (granted)',
    got: told === '' ? `status ${number}` : `status ${number}: ${told.slice(0, 200)}`,
  });
}

/** The TSTInfo of a token: CMS SignedData (RFC 5652 §5.1) with one signer and the certificates that were asked for. */
function infoOf(token: DerValue): DerValue {
  const [type, wrapped] = sequenceItems(token, 2, 2);
  if (objectIdentifier(required(type)) !== OID.signedData) throw new DerError('the token is not signed data');
  const [, , content, ...rest] = sequenceItems(only(required(wrapped), 0xa0), 4, 6);
  const [contentType, octets] = sequenceItems(required(content), 2, 2);
  if (objectIdentifier(required(contentType)) !== OID.tstInfo) throw new DerError('the signed data is not a timestamp');
  if (rest.at(-1)?.tag !== TAG.set || rest.at(-1)?.items.length !== 1) throw new DerError('the token has not exactly one signer');
  if (!rest.some(({ tag, items }) => tag === 0xa0 && items.length > 0)) throw new DerError('the token has no certificate');
  const value = only(required(octets), 0xa0);
  if (value.tag !== TAG.octetString) throw new DerError('the content is no octet string');
  return readDer(value.content, { fractions: true });
}

function checkInfo(info: DerValue, { imprint, nonce, where }: TimestampQuestion): Date {
  const [version, policy, stamped, serial, time, ...rest] = sequenceItems(info, 5, 10);
  if (smallInteger(required(version)) !== 1) throw new DerError('the version is not 1');
  objectIdentifier(required(policy));
  if (serial?.tag !== TAG.integer) throw new DerError('it has no serial number');
  if (time?.tag !== TAG.generalizedTime) throw new DerError('it has no time');
  const [algorithm, digest] = sequenceItems(required(stamped), 2, 2);
  const [id] = sequenceItems(required(algorithm), 1, 2);
  if (objectIdentifier(required(id)) !== OID.sha256 || !isEqual(required(digest).content, imprint)) {
    throw wrong(where, 'another signature', 'a timestamp over the signature');
  }
  const answered = rest.find(({ tag }) => tag === TAG.integer);
  if (answered === undefined || !isEqual(answered.content, nonce)) throw wrong(where, 'another request', 'the nonce of the request');
  return timeOf(time);
}

function only(value: DerValue, tag: number): DerValue {
  const [item] = value.items;
  if (value.tag !== tag || value.items.length !== 1) throw new DerError('a tagged value was expected');
  return required(item);
}

function required(value: DerValue | undefined): DerValue {
  if (value === undefined) throw new DerError('something is missing');
  return value;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function wrong(where: string, about: string, expected: string): MlsignError {
  return refused('timestamp-wrong', `the timestamp is for ${about}`, { subject: where, expected });
}

function malformed(where: string, detail: string): MlsignError {
  return refused('timestamp-malformed', `the timestamp is malformed: ${detail}`, {
    subject: where,
    expected: 'an RFC 3161 response in DER',
  });
}
