import type { OpenFile } from './open-file.ts';

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const ENTRY = 0x02014b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const MAX_DIRECTORY_BYTES = 16 * 1024 * 1024;

/**
 * The names in the central directory of a ZIP file (PKWARE APPNOTE 4.3.12), at most 16 MiB of it; undefined where there is
 * none that can be read. Recognition only: nothing is unpacked.
 */
export async function listZipNames(file: OpenFile): Promise<readonly string[] | undefined> {
  const tailStart = Math.max(0, file.size - END_BYTES - MAX_COMMENT_BYTES);
  const tail = await file.read(tailStart, END_BYTES + MAX_COMMENT_BYTES);
  const at = findEnd(tail);
  if (at === undefined) return undefined;
  let size = tail.readUInt32LE(at + 12);
  let offset = tail.readUInt32LE(at + 16);
  if (size === 0xffffffff || offset === 0xffffffff) {
    const wide = await readEnd64(file, tailStart + at - 20);
    if (wide === undefined) return undefined;
    ({ size, offset } = wide);
  }
  if (offset + size > file.size) return undefined;
  return parseEntries(await file.read(offset, Math.min(size, MAX_DIRECTORY_BYTES)));
}

function findEnd(tail: Buffer): number | undefined {
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    if (tail.readUInt32LE(at) === END && at + END_BYTES + tail.readUInt16LE(at + 20) === tail.length) return at;
  }
  return undefined;
}

/** Checkpoints above 4 GiB have their directory's place in the ZIP64 record. */
async function readEnd64(file: OpenFile, locatorAt: number): Promise<{ size: number; offset: number } | undefined> {
  if (locatorAt < 0) return undefined;
  const locator = await file.read(locatorAt, 20);
  if (locator.length < 20 || locator.readUInt32LE() !== LOCATOR_64) return undefined;
  const end = await file.read(Number(locator.readBigUInt64LE(8)), 56);
  if (end.length < 56 || end.readUInt32LE() !== END_64) return undefined;
  return { size: Number(end.readBigUInt64LE(40)), offset: Number(end.readBigUInt64LE(48)) };
}

function parseEntries(directory: Buffer): readonly string[] {
  const names: string[] = [];
  let at = 0;
  while (at + 46 <= directory.length && directory.readUInt32LE(at) === ENTRY) {
    const nameLength = directory.readUInt16LE(at + 28);
    names.push(directory.toString('utf8', at + 46, at + 46 + nameLength));
    at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return names;
}
