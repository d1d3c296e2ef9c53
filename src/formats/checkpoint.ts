import { decodeBase64 } from '../core/index.ts';

/** One signature of a signed note. */
export interface NoteSignature {
  /** The name of the key, commonly the host of the log. */
  readonly name: string;
  /** Four bytes that select a key. */
  readonly keyHint: Uint8Array;
  readonly signature: Uint8Array;
}

/** A checkpoint of a transparency log. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Uint8Array;
  /** What is signed: the note with its final newline. */
  readonly note: string;
  readonly signatures: readonly NoteSignature[];
}

const SIZE = /^(0|[1-9]\d{0,18})$/;
const SIGNATURE = /^— (\S+) (\S+)$/;
const MAX_SIGNATURES = 64;

/**
 * Reads a checkpoint (C2SP tlog-checkpoint) in a signed note (C2SP signed-note), or gives undefined where it is not one.
 * No signature is verified.
 */
export function parseCheckpoint(text: string): Checkpoint | undefined {
  // The last blank line parts text and signatures.
  const split = text.lastIndexOf('\n\n');
  if (split === -1 || !text.endsWith('\n')) return undefined;
  const note = text.slice(0, split + 1);
  const [origin = '', size = '', root = ''] = note.split('\n');
  const hash = decodeBase64(root);
  const lines = text.slice(split + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) return undefined;
  const signatures = lines.map(parseSignature);
  if (origin === '' || !SIZE.test(size) || hash?.length !== 32 || !signatures.every((signature) => signature !== undefined))
    return undefined;
  return { origin, size: BigInt(size), root: hash, note, signatures };
}

function parseSignature(line: string): NoteSignature | undefined {
  const [, name, encoded] = SIGNATURE.exec(line) ?? [];
  const bytes = encoded === undefined ? undefined : decodeBase64(encoded);
  if (name === undefined || bytes === undefined || bytes.length < 5) return undefined;
  return { name, keyHint: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}
