import { type InspectionPlace, placeIn } from './inspection-notes.ts';
import type { OpenFile } from './open-file.ts';
import { readWide, type ZipDirectory, type ZipEntry } from './zip-directory.ts';

/** A member, and where its bytes are. */
export interface ZipMember {
  readonly entry: ZipEntry;
  readonly start: number;
}

const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const ENCRYPTED = 0x0001 | 0x0040 | 0x2000;
const HAS_DESCRIPTOR = 0x0008;
/** A data descriptor with or without its signature, in 32 or 64 bits. */
const DESCRIPTOR_BYTES: ReadonlySet<number> = new Set([12, 16, 20, 24]);
const MAX_LOCAL_HEADERS = 20_000;
const AT_ONCE = 16;
const MALFORMED = 'zip-malformed';

/** Holds the directory of a ZIP file against what stands before each member, and notes every difference. */
export async function checkZipMembers(file: OpenFile, directory: ZipDirectory, place: InspectionPlace): Promise<readonly ZipMember[]> {
  const { notes, where } = place;
  for (const { what, expected, got } of directory.problems)
    notes.defect(MALFORMED, where, `the ZIP file is malformed: ${what}`, expected, got);
  if (!directory.isComplete || directory.entries.length > MAX_LOCAL_HEADERS) notes.incomplete();
  const entries = directory.entries.slice(0, MAX_LOCAL_HEADERS);
  const malformed = (entry: ZipEntry, what: string, expected?: string, got?: string): void =>
    notes.defect(MALFORMED, placeIn(place, entry.name).where, `the ZIP member ${what}`, expected, got);
  checkNames(entries, malformed);
  const members = new Array<ZipMember>(entries.length);
  const queue = entries.entries();
  const readNext = async (): Promise<void> => {
    for (const [i, entry] of queue) members[i] = { entry, start: await checkLocal(file, entry, malformed) };
  };
  await Promise.all(Array.from({ length: AT_ONCE }, readNext));
  checkPlaces(members, directory.start, malformed);
  return members;
}

type Malformed = (entry: ZipEntry, what: string, expected?: string, got?: string) => void;

function checkNames(entries: readonly ZipEntry[], malformed: Malformed): void {
  // PyTorch's reader takes names without regard to case.
  const seen = new Set<string>();
  for (const entry of entries) {
    const folded = entry.name.toLowerCase();
    if (seen.has(folded)) malformed(entry, 'has the name of another one', 'names that differ in more than case');
    seen.add(folded);
    const isUnsafe = /^\/|^[A-Za-z]:|\\|\p{Cc}/u.test(entry.name) || entry.name.split('/').includes('..') || entry.name === '';
    if (isUnsafe) malformed(entry, 'has a name that leads out of the archive, or is none', 'a relative path', JSON.stringify(entry.name));
    if ((entry.flags & ENCRYPTED) !== 0) malformed(entry, 'is marked as encrypted: some readers refuse it, others read it as it is');
    if (entry.method === 0 && entry.size !== entry.compressedSize) {
      malformed(entry, 'is stored in other than its own size', `${entry.size} bytes`, `${entry.compressedSize} bytes`);
    }
  }
}

/** Compares the header before a member with the directory; gives where its bytes begin. */
async function checkLocal(file: OpenFile, entry: ZipEntry, malformed: Malformed): Promise<number> {
  const head = await file.read(entry.offset, LOCAL_BYTES + entry.nameBytes.length);
  if (head.length < LOCAL_BYTES || head.readUInt32LE() !== LOCAL) {
    malformed(entry, 'is not where the directory says', 'a local header', `other bytes at ${entry.offset}`);
    return entry.offset;
  }
  const nameLength = head.readUInt16LE(26);
  const extraLength = head.readUInt16LE(28);
  const start = entry.offset + LOCAL_BYTES + nameLength + extraLength;
  const name = head.subarray(LOCAL_BYTES, LOCAL_BYTES + nameLength);
  if (nameLength !== entry.nameBytes.length || !name.equals(entry.nameBytes)) {
    malformed(entry, 'has another name in its own header', entry.name, JSON.stringify(name.toString('latin1')));
  }
  const flags = head.readUInt16LE(6);
  if (((flags ^ entry.flags) & (ENCRYPTED | HAS_DESCRIPTOR)) !== 0) malformed(entry, 'has other flags in its own header');
  const method = head.readUInt16LE(8);
  if (method !== entry.method) malformed(entry, 'has another compression in its own header', String(entry.method), String(method));
  const narrow = [head.readUInt32LE(22), head.readUInt32LE(18)];
  const extra = narrow.includes(0xffffffff) ? await file.read(start - extraLength, extraLength) : Buffer.alloc(0);
  const [size, compressedSize] = readWide(extra, narrow);
  const isLater = (flags & HAS_DESCRIPTOR) !== 0 && size === 0 && compressedSize === 0;
  if (!isLater && (size !== entry.size || compressedSize !== entry.compressedSize)) {
    malformed(entry, 'has another size in its own header', `${entry.size} bytes`, `${size} bytes`);
  }
  return start;
}

/** Members follow one another from the beginning to the directory: what lies between, or in two, some readers see and others not. */
function checkPlaces(members: readonly ZipMember[], directoryStart: number, malformed: Malformed): void {
  const sorted = [...members].sort((a, b) => a.entry.offset - b.entry.offset);
  let end = 0;
  let previous: ZipEntry | undefined;
  for (const { entry, start } of [...sorted, undefined].map((member) => member ?? endOf(sorted, directoryStart))) {
    const gap = entry.offset - end;
    const isDescriptor = previous !== undefined && (previous.flags & HAS_DESCRIPTOR) !== 0 && DESCRIPTOR_BYTES.has(gap);
    if (gap < 0) malformed(previous ?? entry, 'shares bytes with another one, or with the directory');
    else if (gap > 0 && !isDescriptor)
      malformed(entry, 'has bytes before it that belong to no member', `offset ${end}`, `offset ${entry.offset}`);
    end = start + entry.compressedSize;
    previous = entry;
  }
}

/** The directory, as if it were the last member. */
function endOf(members: readonly ZipMember[], directoryStart: number): ZipMember {
  const name = members.at(-1)?.entry.name ?? '';
  const entry = { name, nameBytes: Buffer.alloc(0), flags: 0, method: 0, crc: 0, compressedSize: 0, size: 0, offset: directoryStart };
  return { entry, start: directoryStart };
}
