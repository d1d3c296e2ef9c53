import type { MlsignError } from '../core/index.ts';
import { headerNumber } from './numeric.ts';
import { placeRefused } from './refusals.ts';

/** Everything in a tar archive comes in blocks of so many bytes. */
export const BLOCK_BYTES = 512;

/** The header of a member, or of what extends the next header; its fields are checked, its name is not. */
export interface Header {
  /** One character: `0` a file, `5` a directory, `x` PAX, … */
  readonly type: string;
  /** Whether the type is not written, as before POSIX: then a name that ends in `/` is that of a directory. */
  readonly isUntyped: boolean;
  /** The name as bytes: with the prefix of POSIX, without what follows a zero byte. */
  readonly name: Buffer;
  /** Bytes of content. */
  readonly size: number;
  readonly mode: number;
  /** Whether a link target is named. */
  readonly hasLink: boolean;
}

const POSIX = 'ustar\x0000';
const GNU = 'ustar  \0';

/**
 * Decodes a header (POSIX.1-1988 ustar, or GNU's variant of it). What some readers take for one thing and others for
 * another is refused: a wrong or signed checksum, numbers that are none, bytes where nothing belongs.
 *
 * @param offset where the block stands in the archive
 * @throws MlsignError `archive-checksum-wrong`, `archive-header-malformed`, `archive-size-wrong`
 */
export function decodeHeader(block: Buffer, offset: number): Header {
  checkSum(block, offset);
  const magic = block.toString('latin1', 257, 265);
  if (magic !== POSIX && magic !== GNU) {
    throw malformed('the format of a header is not one that all readers know', offset, {
      expected: 'ustar, PAX or GNU',
      got: JSON.stringify(magic),
    });
  }
  // GNU keeps times and maps of sparse files there; some readers take that for a part of the name.
  const tail = magic === GNU ? block.subarray(345) : block.subarray(500);
  if (!isZero(tail)) throw malformed('a header holds bytes where nothing belongs', offset);
  for (const [name, start, end] of NUMBERS) {
    const value = headerNumber(block.subarray(start, end));
    // One reader stops at such a header as if the archive ended, another reads on.
    if (value === 'malformed' || value === 'too-large') throw malformed(`the ${name} of a header is not a number`, offset);
  }
  const name = text(block, 0, 100, offset);
  const prefix = magic === GNU ? undefined : text(block, 345, 500, offset);
  return {
    isUntyped: block[156] === 0,
    type: block[156] === 0 ? '0' : block.toString('latin1', 156, 157),
    name: prefix === undefined || prefix.length === 0 ? name : Buffer.concat([prefix, SLASH, name]),
    size: decodeSize(block, offset),
    mode: decodeMode(block),
    hasLink: !isZero(block.subarray(157, 257)),
  };
}

/** Whether there are only zero bytes. */
export function isZero(bytes: Buffer): boolean {
  return bytes.length <= ZEROS.length ? ZEROS.compare(bytes, 0, bytes.length, 0, bytes.length) === 0 : bytes.every((byte) => byte === 0);
}

const SLASH = Buffer.from('/');
const ZEROS = Buffer.alloc(1024 * 1024);
const NUMBERS = [
  ['mode', 100, 108],
  ['user id', 108, 116],
  ['group id', 116, 124],
  ['time', 136, 148],
  ['device number', 329, 337],
  ['device number', 337, 345],
] as const;

function checkSum(block: Buffer, offset: number): void {
  let sum = 8 * 0x20;
  for (let i = 0; i < BLOCK_BYTES; i++) if (i < 148 || i >= 156) sum += block[i] ?? 0;
  const given = headerNumber(block.subarray(148, 156));
  if (given === sum) return;
  throw placeRefused('archive-checksum-wrong', 'the checksum of a header is wrong', offset, {
    expected: `${sum}`,
    got: `${given}`,
    suggestion: 'get the archive again: it is no tar archive, or was damaged',
  });
}

function decodeSize(block: Buffer, offset: number): number {
  const field = block.subarray(124, 136);
  const size = headerNumber(field);
  if (typeof size === 'number') return size;
  const reasons = {
    blank: 'a header has no size',
    malformed: 'the size in a header is not a number',
    negative: 'the size in a header is negative',
    'too-large': 'the size in a header is larger than anything can be',
    'needless-binary': 'the size in a header is written in base 256 although octal digits hold it',
  } as const;
  throw placeRefused('archive-size-wrong', reasons[size], offset, { expected: 'eleven octal digits', got: `hex ${field.toString('hex')}` });
}

/** Permissions alone; who may run a file is no part of a model, and a model without it is as good. */
function decodeMode(block: Buffer): number {
  const mode = headerNumber(block.subarray(100, 108));
  return typeof mode === 'number' ? mode & 0o777 : 0o644;
}

/** A field up to its first zero byte. What stands after that, only some readers see. */
function text(block: Buffer, start: number, end: number, offset: number): Buffer {
  const field = block.subarray(start, end);
  const zero = field.indexOf(0);
  if (zero === -1) return Buffer.from(field);
  if (!isZero(field.subarray(zero))) throw malformed('a name in a header goes on after a zero byte', offset);
  return Buffer.from(field.subarray(0, zero));
}

function malformed(reason: string, offset: number, details?: { readonly expected: string; readonly got: string }): MlsignError {
  return placeRefused('archive-header-malformed', reason, offset, details);
}
