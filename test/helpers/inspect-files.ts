import { crc32, deflateRawSync } from 'node:zlib';
import type { OpenFile } from '../../src/filetypes/index.ts';

/** A file in memory, which counts what is read of it. */
export function memoryFile(content: Uint8Array | string, path = 'file'): OpenFile & { readonly bytesRead: number } {
  const bytes = Buffer.from(content);
  const count = { bytesRead: 0 };
  const read = async (offset: number, length: number): Promise<Buffer> => {
    const part = bytes.subarray(offset, Math.max(offset, offset + length));
    count.bytesRead += part.length;
    return Buffer.from(part);
  };
  return {
    path,
    size: bytes.length,
    read,
    readInto: async (buffer, offset) => (await read(offset, buffer.length)).copy(buffer),
    get bytesRead() {
      return count.bytesRead;
    },
  };
}

/** One member, and what its headers say other than the truth. */
export interface MemberSpec {
  readonly name: string;
  readonly content: Buffer;
  readonly deflate?: boolean;
  /** The content, deflated. */
  readonly packed?: Buffer;
  readonly local?: Partial<Header>;
  readonly central?: Partial<Header>;
  /** Offset that the directory gives. */
  readonly offset?: number;
  /** Bytes before the member that belong to none. */
  readonly before?: Buffer;
}

interface Header {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly compressed: number;
  readonly size: number;
}

/** What the end record says other than the truth. */
export interface EndSpec {
  readonly count?: number;
  readonly size?: number;
  readonly offset?: number;
  readonly comment?: Buffer;
  readonly after?: Buffer;
}

/** A ZIP file, byte by byte (APPNOTE 4.3). */
export function zipBytes(members: readonly MemberSpec[], end: EndSpec = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, content, packed: given, deflate = given !== undefined, local, central, offset, before = Buffer.alloc(0) } of members) {
    const packed = given ?? (deflate ? deflateRawSync(content) : content);
    const truth: Header = { name, flags: 0, method: deflate ? 8 : 0, crc: crc32(content), compressed: packed.length, size: content.length };
    at += before.length;
    const head = Buffer.concat([
      Buffer.from('PK\x03\x04\x14\0', 'latin1'),
      fields({ ...truth, ...local }),
      Buffer.alloc(2),
      nameOf({ ...truth, ...local }),
    ]);
    head.writeUInt16LE(Buffer.byteLength(local?.name ?? name), 26);
    head.writeUInt16LE(0, 28);
    parts.push(before, head, packed);
    const entry = Buffer.concat([
      Buffer.from('PK\x01\x02\x14\0\x14\0', 'latin1'),
      fields({ ...truth, ...central }),
      Buffer.alloc(16),
      nameOf({ ...truth, ...central }),
    ]);
    entry.writeUInt32LE(offset ?? at, 42);
    directory.push(entry);
    at += head.length + packed.length;
  }
  const entries = Buffer.concat(directory);
  const { count = members.length, size = entries.length, offset = at, comment = Buffer.alloc(0), after = Buffer.alloc(0) } = end;
  const record = Buffer.alloc(22);
  record.write('PK\x05\x06', 'latin1');
  record.writeUInt16LE(count, 8);
  record.writeUInt16LE(count, 10);
  record.writeUInt32LE(size, 12);
  record.writeUInt32LE(offset, 16);
  record.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...parts, entries, record, comment, after]);
}

/** Flags, method, time, checksum, sizes and the length of the name, as both headers have them. */
function fields({ flags, method, crc, compressed, size, name }: Header): Buffer {
  const bytes = Buffer.alloc(22);
  bytes.writeUInt16LE(flags, 0);
  bytes.writeUInt16LE(method, 2);
  bytes.writeUInt32LE(crc, 8);
  bytes.writeUInt32LE(compressed, 12);
  bytes.writeUInt32LE(size, 16);
  bytes.writeUInt16LE(Buffer.byteLength(name), 20);
  return bytes;
}

function nameOf({ name }: Header): Buffer {
  return Buffer.from(name);
}

/** A pickle that would run `true`, written by hand in protocol 0. */
export const SYSTEM = Buffer.from("cos\nsystem\n(S'true'\ntR.");
