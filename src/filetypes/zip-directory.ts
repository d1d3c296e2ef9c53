import { decodeUtf8 } from '../core/index.ts';
import type { OpenFile } from './open-file.ts';

/** One member as the central directory has it. */
export interface ZipEntry {
  readonly name: string;
  readonly nameBytes: Buffer;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Offset in the file of its local header. */
  readonly offset: number;
}

/** The central directory of a ZIP file, and in what ways it is other than every reader expects. */
export interface ZipDirectory {
  readonly entries: readonly ZipEntry[];
  /** Where the directory begins. */
  readonly start: number;
  readonly problems: readonly ZipProblem[];
  /** False where it is larger than mlsign reads. */
  readonly isComplete: boolean;
}

/** What is wrong, as a sentence. */
export interface ZipProblem {
  readonly what: string;
  readonly expected?: string | undefined;
  readonly got?: string | undefined;
}

const END = Buffer.from('PK\x05\x06', 'latin1');
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const ENTRY = 0x02014b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const MAX_DIRECTORY_BYTES = 16 * 1024 * 1024;
const MAX_ENTRIES = 100_000;
/** More than two are there only to confuse. */
const MAX_ENDS = 8;

/** Where the directory is, as the end record says. */
interface DirectoryPlace {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
  /** Where the records of the end begin: the directory must reach up to there. */
  readonly end: number;
}

/**
 * Reads the central directory of a ZIP file (PKWARE APPNOTE 4.3.12), at most 16 MiB of it; undefined where there is no end
 * record. Readers look for that record and the directory in different ways: where those could differ is a problem.
 */
export async function readZipDirectory(file: OpenFile): Promise<ZipDirectory | undefined> {
  const tailStart = Math.max(0, file.size - END_BYTES - MAX_COMMENT_BYTES);
  const tail = await file.read(tailStart, END_BYTES + MAX_COMMENT_BYTES);
  const ends = findEnds(tail);
  const problems: ZipProblem[] = [];
  const [last, ...others] = ends;
  if (last === undefined) return undefined;
  if (last + END_BYTES + tail.readUInt16LE(last + 20) !== tail.length) problems.push({ what: 'bytes follow its end record' });
  if (others.length > 0) problems.push({ what: 'it has more than one end record', expected: '1', got: String(ends.length) });
  const directory = await readByEnd(file, tail, last, problems);
  const entries = [...directory.entries];
  for (const at of others) entries.push(...(await readByEnd(file, tail, at, [])).entries);
  return { ...directory, entries, problems, isComplete: directory.isComplete && entries.length < MAX_ENTRIES && ends.length < MAX_ENDS };
}

/** Whether bytes hold an end record where a reader looks for it: at the end of a file that they are the end of. */
export function hasZipEnd(bytes: Buffer): boolean {
  return bytes.includes(END, Math.max(0, bytes.length - END_BYTES - MAX_COMMENT_BYTES));
}

/** The last end record is what most readers take; some take another whose comment reaches to the end. The last one first. */
function findEnds(tail: Buffer): readonly number[] {
  const ends: number[] = [];
  // Few files have one, and looking forwards is several times faster.
  if (!hasZipEnd(tail)) return ends;
  for (let at = tail.length; at >= 0 && ends.length < MAX_ENDS; at--) {
    at = tail.lastIndexOf(END, at);
    if (at === -1) break;
    if (at + END_BYTES > tail.length) continue;
    if (ends.length === 0 || at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length) ends.push(at);
  }
  return ends;
}

async function readByEnd(file: OpenFile, tail: Buffer, at: number, problems: ZipProblem[]): Promise<ZipDirectory> {
  const end = file.size - tail.length + at;
  const place = (await readEnd64(file, tail, at, end, problems)) ?? {
    count: tail.readUInt16LE(at + 10),
    size: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
    end,
  };
  if (tail.readUInt32LE(at + 4) !== 0) problems.push({ what: 'its end record speaks of several disks', expected: 'one disk' });
  return readPlaces(file, place, problems);
}

/** Checkpoints above 4 GiB have their directory's place in the ZIP64 record. */
async function readEnd64(
  file: OpenFile,
  tail: Buffer,
  at: number,
  end: number,
  problems: ZipProblem[],
): Promise<DirectoryPlace | undefined> {
  const isNeeded =
    tail.readUInt16LE(at + 10) === 0xffff || tail.readUInt32LE(at + 12) === 0xffffffff || tail.readUInt32LE(at + 16) === 0xffffffff;
  const locator = end < 20 ? Buffer.alloc(0) : await file.read(end - 20, 20);
  if (locator.length < 20 || locator.readUInt32LE() !== LOCATOR_64) {
    if (isNeeded) problems.push({ what: 'its ZIP64 end record is missing' });
    return undefined;
  }
  const recordAt = Number(locator.readBigUInt64LE(8));
  const record = await file.read(recordAt, 56);
  if (record.length < 56 || record.readUInt32LE() !== END_64) {
    problems.push({ what: 'its ZIP64 end record is missing' });
    return undefined;
  }
  if (recordAt + 12 + Number(record.readBigUInt64LE(4)) !== end - 20) {
    problems.push({
      what: 'its ZIP64 end record is not where every reader looks',
      expected: `offset ${end - 20 - 56}`,
      got: `offset ${recordAt}`,
    });
  }
  const wide = {
    count: Number(record.readBigUInt64LE(32)),
    size: Number(record.readBigUInt64LE(40)),
    offset: Number(record.readBigUInt64LE(48)),
    end: recordAt,
  };
  const differs = (narrow: number, most: number, value: number): boolean => narrow !== most && narrow !== value;
  if (
    differs(tail.readUInt16LE(at + 10), 0xffff, wide.count) ||
    differs(tail.readUInt32LE(at + 12), 0xffffffff, wide.size) ||
    differs(tail.readUInt32LE(at + 16), 0xffffffff, wide.offset)
  ) {
    problems.push({ what: 'its two end records say different things' });
  }
  return wide;
}

/** Python finds the directory by its size before the end record, others by its offset: both are read where they differ. */
async function readPlaces(file: OpenFile, place: DirectoryPlace, problems: ZipProblem[]): Promise<ZipDirectory> {
  const { offset, size, count, end } = place;
  const shift = end - size - offset;
  if (shift !== 0) {
    const what = shift > 0 ? 'bytes stand before it, or between its directory and its end' : 'its directory reaches beyond its end record';
    problems.push({ what, expected: `a directory that ends at offset ${end}`, got: `offset ${offset + size}` });
  }
  const byOffset = parseEntries(await file.read(offset, Math.min(size, MAX_DIRECTORY_BYTES)), 0, problems);
  const bySize = shift > 0 ? parseEntries(await file.read(end - size, Math.min(size, MAX_DIRECTORY_BYTES)), shift, []) : [];
  const entries = [...byOffset, ...bySize];
  const isComplete = size <= MAX_DIRECTORY_BYTES && entries.length < MAX_ENTRIES;
  if (isComplete && shift === 0 && byOffset.length !== count) {
    problems.push({
      what: 'its directory does not have as many members as its end record says',
      expected: String(count),
      got: String(byOffset.length),
    });
  }
  return { entries, start: shift > 0 && byOffset.length === 0 ? end - size : offset, problems, isComplete };
}

function parseEntries(directory: Buffer, shift: number, problems: ZipProblem[]): ZipEntry[] {
  const entries: ZipEntry[] = [];
  let at = 0;
  while (at + 46 <= directory.length && directory.readUInt32LE(at) === ENTRY && entries.length < MAX_ENTRIES) {
    const nameEnd = at + 46 + directory.readUInt16LE(at + 28);
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30);
    const nameBytes = directory.subarray(at + 46, nameEnd);
    const wide = readWide(directory.subarray(nameEnd, extraEnd), [
      directory.readUInt32LE(at + 24),
      directory.readUInt32LE(at + 20),
      directory.readUInt32LE(at + 42),
    ]);
    const [size = 0, compressedSize = 0, offset = 0] = wide;
    entries.push({
      name: decodeUtf8(nameBytes) ?? nameBytes.toString('latin1'),
      nameBytes,
      flags: directory.readUInt16LE(at + 8),
      method: directory.readUInt16LE(at + 10),
      crc: directory.readUInt32LE(at + 16),
      compressedSize,
      size,
      offset: offset + shift,
    });
    at = extraEnd + directory.readUInt16LE(at + 32);
  }
  if (at !== directory.length && directory.length < MAX_DIRECTORY_BYTES && entries.length < MAX_ENTRIES) {
    problems.push({ what: 'its directory is malformed', expected: 'a member', got: `other bytes at ${at} of ${directory.length}` });
  }
  return entries;
}

/** Fills in the values that are too large for 32 bits from the ZIP64 extra field (APPNOTE 4.5.3), in its order. */
export function readWide(extra: Buffer, values: readonly number[]): readonly number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let next = at + 4;
    const end = Math.min(extra.length, next + extra.readUInt16LE(at + 2));
    return values.map((value) => {
      if (value !== 0xffffffff || next + 8 > end) return value;
      next += 8;
      return Number(extra.readBigUInt64LE(next - 8));
    });
  }
  return values;
}
