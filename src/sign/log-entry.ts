import {
  type Decoder,
  decodeBase64,
  type Fields,
  type JsonObject,
  type JsonValue,
  MlsignError,
  parseJson,
  refused,
} from '../core/index.ts';
import { merkleLeaf, merkleRoot, parseCheckpoint } from '../formats/index.ts';

/** One entry of a transparency log, as a log gave it out. */
export interface LogEntry {
  /** Position in the log; for Rekor v1 across all its shards. */
  readonly index: bigint;
  readonly logId: Uint8Array;
  readonly kind: string;
  readonly version: string;
  readonly body: Uint8Array;
  readonly proof: {
    readonly index: bigint;
    readonly size: bigint;
    readonly root: Uint8Array;
    readonly hashes: readonly Uint8Array[];
    readonly checkpoint: string;
  };
  /** Rekor v1: when the log took it, in seconds, and its promise to include it. */
  readonly promise?: { readonly time: bigint; readonly signature: Uint8Array } | undefined;
}

/**
 * Checks that the inclusion proof leads from the entry to the root of its checkpoint. Whose checkpoint it is takes the key of the log:
 * that is for verifiers.
 *
 * @throws MlsignError `log-entry-malformed`
 */
export function checkInclusion({ body, proof }: LogEntry, where: string): void {
  const checkpoint = parseCheckpoint(proof.checkpoint);
  const root = merkleRoot(merkleLeaf(body), proof);
  const isProven =
    checkpoint !== undefined &&
    root !== undefined &&
    checkpoint.size === proof.size &&
    Buffer.compare(checkpoint.root, proof.root) === 0 &&
    Buffer.compare(root, proof.root) === 0;
  if (!isProven) throw malformedEntry(where, 'the inclusion proof does not lead to the checkpoint');
}

/** The entry as bundles hold it: `TransparencyLogEntry` in the JSON of protobuf. */
export function bundleEntry({ index, logId, kind, version, body, proof, promise }: LogEntry): JsonObject {
  return {
    logIndex: index.toString(),
    logId: { keyId: encode(logId) },
    kindVersion: { kind, version },
    ...(promise === undefined
      ? {}
      : { integratedTime: promise.time.toString(), inclusionPromise: { signedEntryTimestamp: encode(promise.signature) } }),
    inclusionProof: {
      logIndex: proof.index.toString(),
      rootHash: encode(proof.root),
      treeSize: proof.size.toString(),
      hashes: proof.hashes.map(encode),
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: encode(body),
  };
}

const MAX_BODY = { maxBytes: 256 * 1024, maxDepth: 16, maxValues: 1000 };

/** The body of an entry: JSON. */
export function parseBody(body: Uint8Array, where: string): JsonValue {
  try {
    return parseJson(body, where, MAX_BODY);
  } catch (error) {
    if (error instanceof MlsignError) throw malformedEntry(where, `its body is ${error.message}`);
    throw error;
  }
}

/** A 64-bit number in the JSON of protobuf, or of OpenAPI: digits or a number. */
export function decodeCount(decoder: Decoder, fields: Fields, name: string): bigint {
  const value = fields.raw(name);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return BigInt(value);
  if (typeof value === 'string' && /^(0|[1-9]\d{0,18})$/.test(value)) return BigInt(value);
  if (fields.present) decoder.problem(fields.at(name), 'a count', value);
  return 0n;
}

/** Bytes in base64 or hex. */
export function decodeField(decoder: Decoder, fields: Fields, name: string, encoding: 'base64' | 'hex' = 'base64'): Uint8Array {
  const text = fields.string(name);
  const bytes = decode(text, encoding);
  if (text !== '' && bytes === undefined) decoder.problem(fields.at(name), `bytes in ${encoding}`, text);
  return bytes ?? new Uint8Array();
}

/** Hashes of a proof. */
export function decodeHashes(decoder: Decoder, fields: Fields, encoding: 'base64' | 'hex'): readonly Uint8Array[] {
  if (!fields.has('hashes')) return [];
  return fields.array('hashes', 0, 64).map((value, i) => {
    const bytes = typeof value === 'string' ? decode(value, encoding) : undefined;
    if (bytes?.length !== 32) decoder.problem(`${fields.at('hashes')}[${i}]`, `32 bytes in ${encoding}`, value);
    return bytes ?? new Uint8Array();
  });
}

function decode(text: string, encoding: 'base64' | 'hex'): Uint8Array | undefined {
  if (encoding === 'base64') return decodeBase64(text);
  return /^([0-9a-f]{2})*$/.test(text) ? Buffer.from(text, 'hex') : undefined;
}

/** Whether a value is text that stands for these bytes in base64. */
export function isBase64Of(value: JsonValue | undefined, bytes: Uint8Array): boolean {
  return value === encode(bytes);
}

export function encode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** The refusal of an entry about something else than what was sent. */
export function wrongEntry(where: string, what: string): MlsignError {
  return refused('log-entry-wrong', `the transparency log gave an entry for another ${what}`, {
    subject: where,
    expected: 'an entry for the signature that was sent',
  });
}

export function malformedEntry(where: string, detail: string): MlsignError {
  return refused('log-entry-malformed', `the entry of the transparency log is malformed: ${detail}`, { subject: where });
}
