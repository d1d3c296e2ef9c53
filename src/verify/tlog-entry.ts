import { Decoder, decodeBase64, type Fields, type JsonObject } from '../core/index.ts';
import type { InclusionProof } from '../formats/index.ts';

/** An entry of a transparency log as a bundle holds it (Sigstore's TransparencyLogEntry). */
export interface LogEntry {
  /** Its number in the log, which for Rekor v1 counts through all of its trees. */
  readonly logIndex: bigint;
  readonly logId: Uint8Array;
  readonly kind: string;
  readonly version: string;
  /** Seconds since 1970; the log's word only where {@link promise} covers it. Undefined where the log gives none. */
  readonly integratedTime: number | undefined;
  /** Rekor v1's signed entry timestamp. */
  readonly promise: Uint8Array | undefined;
  readonly proof: LoggedProof | undefined;
  /** The entry itself: what the log's tree has as a leaf. */
  readonly body: Uint8Array;
}

/** Why a leaf is in a tree, and the log's own statement of that tree. */
export interface LoggedProof extends InclusionProof {
  readonly rootHash: Uint8Array;
  /** A signed note (C2SP tlog-checkpoint). */
  readonly checkpoint: string;
}

// A tree of 2^64 leaves.
const MAX_HASHES = 64;
const MAX_SECONDS = 253_402_300_799n;
const MAX_INDEX = (1n << 63n) - 1n;

/**
 * Reads a log entry as protobuf writes it in JSON. Nothing is verified.
 *
 * @throws MlsignError `log-entry-malformed` with every bad field
 */
export function parseLogEntry(value: JsonObject): LogEntry {
  const decoder = new Decoder();
  const top = decoder.object(value, '');
  const kind = top.object('kindVersion');
  const seconds = isGiven(top, 'integratedTime') ? integer(decoder, top, 'integratedTime', MAX_SECONDS) : 0n;
  const entry: LogEntry = {
    logIndex: integer(decoder, top, 'logIndex', MAX_INDEX),
    logId: bytes(decoder, top.object('logId'), 'keyId'),
    kind: kind.string('kind'),
    version: kind.string('version'),
    integratedTime: seconds === 0n ? undefined : Number(seconds),
    promise: isGiven(top, 'inclusionPromise') ? bytes(decoder, top.object('inclusionPromise'), 'signedEntryTimestamp') : undefined,
    proof: isGiven(top, 'inclusionProof') ? parseProof(decoder, top.object('inclusionProof')) : undefined,
    body: bytes(decoder, top, 'canonicalizedBody'),
  };
  decoder.finish('log-entry-malformed', 'log entry', 'log entry');
  return entry;
}

function parseProof(decoder: Decoder, fields: Fields): LoggedProof {
  return {
    index: integer(decoder, fields, 'logIndex', MAX_INDEX),
    size: integer(decoder, fields, 'treeSize', MAX_INDEX),
    rootHash: hash(decoder, fields.string('rootHash'), fields.at('rootHash')),
    hashes: (isGiven(fields, 'hashes') ? fields.array('hashes', 0, MAX_HASHES) : []).map((entry, i) =>
      hash(decoder, decoder.string(entry, `${fields.at('hashes')}[${i}]`), `${fields.at('hashes')}[${i}]`),
    ),
    checkpoint: fields.object('checkpoint').string('envelope'),
  };
}

/** Protobuf leaves out what has its default value, or says null. */
function isGiven(fields: Fields, name: string): boolean {
  return fields.has(name) && fields.raw(name) !== null;
}

/** An int64: a string of digits, or a number; 0 where it is left out. */
function integer(decoder: Decoder, fields: Fields, name: string, max: bigint): bigint {
  if (!isGiven(fields, name)) return 0n;
  const value = fields.raw(name);
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text === 'string' && /^(0|[1-9]\d{0,18})$/.test(text) && BigInt(text) <= max) return BigInt(text);
  decoder.problem(fields.at(name), `an integer from 0 to ${max}`, value);
  return 0n;
}

function bytes(decoder: Decoder, fields: Fields, name: string): Uint8Array {
  const text = fields.string(name);
  const decoded = text === '' ? undefined : decodeBase64(text);
  if (text !== '' && decoded === undefined) decoder.problem(fields.at(name), 'canonical base64', text);
  return decoded ?? new Uint8Array();
}

function hash(decoder: Decoder, text: string, path: string): Uint8Array {
  const decoded = text === '' ? undefined : decodeBase64(text);
  if (text !== '' && decoded?.length !== 32) decoder.problem(path, 'a SHA-256 digest in base64', text);
  return decoded ?? new Uint8Array();
}
