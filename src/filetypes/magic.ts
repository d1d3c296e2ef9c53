import { constants, inflateSync } from 'node:zlib';
import type { FileFormat } from './formats.ts';

/** Beginnings that tell a format by themselves, in hexadecimal. */
const MAGIC: readonly (readonly [hex: string, FileFormat])[] = [
  ['47475546', 'gguf'],
  ['934e554d5059', 'numpy'],
  ['50415231', 'parquet'],
  ['7f454c46', 'native'],
  ['feedface', 'native'],
  ['feedfacf', 'native'],
  ['cefaedfe', 'native'],
  ['cffaedfe', 'native'],
  ['cafebabe', 'native'],
  ['0061736d', 'native'],
  ['89504e470d0a1a0a', 'image'],
  ['ffd8ff', 'image'],
  ['474946383961', 'image'],
  ['474946383761', 'image'],
  ['1f8b08', 'gzip'],
  ['fd377a585a00', 'compressed'],
  ['425a68', 'compressed'],
  ['04224d18', 'compressed'],
  ['28b52ffd', 'compressed'],
  ['377abcaf271c', 'compressed'],
  ['526172211a07', 'compressed'],
  ['5d000080', 'compressed'],
];

const MAX_INFLATED = 16 * 1024 * 1024;
/** Weights begin like zlib by chance, one file in ten thousand, and go on as it could for a few bytes: not for so many. */
const ZLIB_START = 64;
/** The version numbers of bytecode of PyPy and CPython 3, and of Python 2; and how its code object begins. */
const BYTECODE = { since: 62_000, until: 62_300, below: 5_000, code: [0x63, 0xe3] };

/** The format that the first bytes of a file of `size` bytes tell by themselves. */
export function formatByMagic(head: Buffer, size: number): FileFormat | undefined {
  const start = head.toString('hex', 0, 8);
  const [, format] = MAGIC.find(([hex]) => start.startsWith(hex)) ?? [];
  if (format !== undefined) return format;
  if (head.length > 64 && head.toString('latin1', 0, 2) === 'MZ' && isPortableExecutable(head, size)) return 'native';
  if (head.toString('latin1', 4, 8) === 'TFL3') return 'tflite';
  if (head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WEBP') return 'image';
  return looksLikeTar(head) ? 'tar' : undefined;
}

/** Beginnings that text could have too. */
export function formatByWeakMagic(head: Buffer): FileFormat | undefined {
  if (isBytecode(head)) return 'python';
  if (isDeflated(head.subarray(0, ZLIB_START))) return 'compressed';
  // LZMA without a container: by these two bytes joblib knows it. Its first code begins with a zero byte.
  if (head[0] === 0x5d && head[1] === 0 && head[13] === 0) return 'compressed';
  // joblib before 0.10.
  return head.toString('latin1', 0, 4) === 'ZF0x' ? 'compressed' : undefined;
}

/** Whether text is what zlib made: a stream can be made of letters alone. Text begins with `x^` too, and then is no stream. */
export function isDeflatedText(head: Buffer): boolean {
  return isDeflated(head);
}

/** Whether bytes are zlib's, as far as they go (RFC 1950). */
function isDeflated(bytes: Buffer): boolean {
  if (bytes[0] !== 0x78 || bytes.length < 3 || bytes.readUInt16BE(0) % 31 !== 0 || ((bytes[1] ?? 0) & 0x20) !== 0) return false;
  try {
    inflateSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_INFLATED });
    return true;
  } catch (error) {
    return error instanceof RangeError;
  }
}

/** Whether bytes begin like Python's bytecode: its version, a line end that text conversion would have changed, and a code object. */
function isBytecode(head: Buffer): boolean {
  if (head.length < 16 || head[2] !== 0x0d || head[3] !== 0x0a) return false;
  const version = head.readUInt16LE(0);
  const { since, until, below, code } = BYTECODE;
  // The header grew from 8 bytes to 12, and to 16.
  return (version < below || (version >= since && version <= until)) && [8, 12, 16].some((at) => code.includes(head[at] ?? 0));
}

function isPortableExecutable(head: Buffer, size: number): boolean {
  const at = head.readUInt32LE(0x3c);
  return at + 4 > head.length ? at + 4 <= size : head.toString('latin1', at, at + 4) === 'PE\0\0';
}

/** Whether bytes begin like a tar archive: of POSIX or GNU, or of those before them, which have nothing but a checksum. */
export function looksLikeTar(head: Buffer): boolean {
  return head.toString('latin1', 257, 262) === 'ustar' || hasTarChecksum(head);
}

/** Whether a reader of tar takes the first block for a header, whatever else it is. */
export function hasTarChecksum(head: Buffer): boolean {
  const [, digits] = /^[ \0]*([0-7]+)[ \0]*$/.exec(head.toString('latin1', 148, 156)) ?? [];
  if (head.length < 512 || digits === undefined) return false;
  let [unsigned, signed] = [8 * 0x20, 8 * 0x20];
  for (let i = 0; i < 512; i++) {
    if (i >= 148 && i < 156) continue;
    unsigned += head.readUInt8(i);
    signed += head.readInt8(i);
  }
  const expected = Number.parseInt(digits, 8);
  return expected === unsigned || expected === signed;
}

/** Whether bytes begin like a ZIP file: a member, nothing at all, or the mark of one that was split. */
export function looksLikeZip(head: Buffer): boolean {
  return /^PK(?:\x03\x04|\x05\x06|\x07\x08)/.test(head.toString('latin1', 0, 4));
}
