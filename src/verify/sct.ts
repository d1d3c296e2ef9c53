import { createHash, type KeyObject, verify } from 'node:crypto';
import { DerError, isWithin, readDer, SIGNED_CERTIFICATE_TIMESTAMPS, TAG, type TransparencyLog } from '../formats/index.ts';
import { readSignedPart, type SignedPart } from './signed-part.ts';

/** A log of certificates that has promised to show a certificate. */
export interface CertificatePromise {
  readonly log: TransparencyLog;
  readonly time: Date;
}

const MAX_TIMESTAMPS = 32;
// RFC 5246 §7.4.1.4.1: SHA-256, and ECDSA or RSA.
const SHA256 = 4;
const SIGNATURES: Readonly<Record<number, string>> = { 3: 'ec', 1: 'rsa' };

/**
 * The promises in a certificate by trusted logs of certificates: signed certificate timestamps over its pre-certificate
 * (RFC 6962 §3.2, §3.3). Those of other logs, or that do not verify, are left out; undefined where there are none at all.
 *
 * @param leaf DER
 * @param issuer DER of the certificate that issued it
 * @throws DerError
 */
export function certificatePromises(
  leaf: Uint8Array,
  issuer: Uint8Array,
  logs: readonly TransparencyLog[],
): readonly CertificatePromise[] | undefined {
  const part = readSignedPart(leaf);
  const extension = part.extensions.get(SIGNED_CERTIFICATE_TIMESTAMPS);
  if (extension === undefined) return undefined;
  const list = readDer(extension.value);
  if (list.tag !== TAG.octetString) throw new DerError('the list of certificate timestamps is not an octet string');
  const issuerKeyHash = createHash('sha256').update(readSignedPart(issuer).publicKeyInfo).digest();
  const preCertificate = withoutTimestamps(part);
  const reader = new TlsReader(list.content);
  const all = reader.vector(2);
  const promises: CertificatePromise[] = [];
  for (let count = 0; !all.isAtEnd; count++) {
    if (count >= MAX_TIMESTAMPS) throw new DerError('there are too many certificate timestamps');
    const promise = readTimestamp(all.vector(2), logs, issuerKeyHash, preCertificate);
    if (promise !== undefined) promises.push(promise);
  }
  if (!reader.isAtEnd) throw new DerError('there are bytes after the certificate timestamps');
  return promises;
}

function readTimestamp(
  sct: TlsReader,
  logs: readonly TransparencyLog[],
  issuerKeyHash: Uint8Array,
  preCertificate: Uint8Array,
): CertificatePromise | undefined {
  const version = sct.take(1);
  if (version[0] !== 0) return undefined;
  const logId = sct.take(32);
  const timestamp = sct.take(8);
  const extensions = sct.vector(2).rest();
  const [hash = 0, kind = 0] = sct.take(2);
  const signature = sct.vector(2).rest();
  if (!sct.isAtEnd) throw new DerError('a certificate timestamp is too long');
  const milliseconds = Buffer.from(timestamp).readBigUInt64BE();
  const time = new Date(Number(milliseconds));
  if (hash !== SHA256 || Number.isNaN(time.getTime())) return undefined;
  // version, signature_type certificate_timestamp, timestamp, entry_type precert_entry, PreCert, extensions
  const signed = Buffer.concat([
    Buffer.of(0, 0),
    timestamp,
    Buffer.of(0, 1),
    issuerKeyHash,
    length(preCertificate, 3),
    preCertificate,
    length(extensions, 2),
    extensions,
  ]);
  const log = logs.find(
    (candidate) =>
      Buffer.compare(candidate.logId, logId) === 0 &&
      isWithin(candidate.validFor, time) &&
      candidate.key.asymmetricKeyType === SIGNATURES[kind] &&
      isSignedBy(candidate.key, signed, signature),
  );
  return log === undefined ? undefined : { log, time };
}

function isSignedBy(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha256', data, key, signature);
}

/** RFC 6962 §3.2: the signed part of the certificate as it was before the timestamps came in. */
function withoutTimestamps({ fields, extensions }: SignedPart): Buffer {
  const others = [...extensions].flatMap(([id, { encoded }]) => (id === SIGNED_CERTIFICATE_TIMESTAMPS ? [] : [encoded]));
  const list = others.length === 0 ? [] : [encode(0xa3, [encode(TAG.sequence, others)])];
  return encode(TAG.sequence, [...fields.map(({ bytes }) => bytes), ...list]);
}

function encode(tag: number, parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  const size = length(content, content.length < 0x100 ? 1 : content.length < 0x10000 ? 2 : 3);
  return Buffer.concat([Buffer.of(tag, 0x80 | size.length), size, content]);
}

function length(bytes: Uint8Array, width: number): Buffer {
  const buffer = Buffer.alloc(width);
  buffer.writeUIntBE(bytes.length, 0, width);
  return buffer;
}

/** Reads TLS presentation language (RFC 8446 §3). */
class TlsReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(count: number): Uint8Array {
    if (this.#at + count > this.#bytes.length) throw new DerError('a certificate timestamp is cut off');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** What follows a length of so many bytes. */
  vector(width: number): TlsReader {
    return new TlsReader(this.take(Buffer.from(this.take(width)).readUIntBE(0, width)));
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at);
  }
}
