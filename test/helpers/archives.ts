import { gzipSync } from 'node:zlib';
import { type ArchiveLimits, type ArchiveMember, readArchive } from '../../src/archive/index.ts';

/** Fields of a header, as they are to stand there; what is not given is what a sound archive has. */
export interface HeaderFields {
  readonly name?: string | Buffer | undefined;
  readonly prefix?: string | undefined;
  readonly type?: string | undefined;
  readonly size?: number | string | Buffer | undefined;
  readonly mode?: string | Buffer | undefined;
  readonly uid?: string | undefined;
  readonly link?: string | undefined;
  readonly magic?: string | undefined;
  /** Bytes at any place, written before the checksum is computed. */
  readonly bytes?: readonly (readonly [at: number, bytes: string | Buffer])[] | undefined;
  readonly checksum?: string | undefined;
}

export const GNU_MAGIC = 'ustar  \0';
/** The two blocks of zero bytes at the end. */
export const END = Buffer.alloc(1024);

/** One block. */
export function header(fields: HeaderFields = {}): Buffer {
  const {
    name = 'file',
    prefix = '',
    type = '0',
    size = 0,
    mode = '0000644\0',
    uid = '0000000\0',
    link = '',
    magic = 'ustar\x0000',
  } = fields;
  const block = Buffer.alloc(512);
  const put = (at: number, value: string | Buffer) => (typeof value === 'string' ? Buffer.from(value) : value).copy(block, at);
  put(0, name);
  put(100, mode);
  put(108, uid);
  put(116, '0000000\0');
  put(124, typeof size === 'number' ? `${size.toString(8).padStart(11, '0')}\0` : size);
  put(136, '00000000000\0');
  put(156, type);
  put(157, link);
  put(257, magic);
  put(345, prefix);
  for (const [at, bytes] of fields.bytes ?? []) put(at, bytes);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, fields.checksum ?? `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** A header and its content, filled up with zero bytes. */
export function member(content: string | Buffer, fields: HeaderFields = {}): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([header({ size: bytes.length, ...fields }), padded(bytes)]);
}

export function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** One record of a PAX header. */
export function record(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return Buffer.concat([Buffer.from(`${length}`), rest]);
}

/** A PAX header of these records. */
export function pax(records: Readonly<Record<string, string>>, type = 'x'): Buffer {
  return member(Buffer.concat(Object.entries(records).map(([key, value]) => record(key, value))), { name: 'PaxHeaders/x', type });
}

/** GNU's header of a long name. */
export function longName(name: string | Buffer, type = 'L'): Buffer {
  return member(Buffer.concat([Buffer.from(name), Buffer.alloc(1)]), { name: '././@LongLink', type, magic: GNU_MAGIC });
}

/** Base 256, as GNU writes large numbers. */
export function binary(value: bigint, first = 0x80): Buffer {
  const field = Buffer.alloc(12);
  field.writeBigUInt64BE(BigInt.asUintN(64, value), 4);
  field[0] = first;
  return field;
}

/** An archive of these pieces, and its end. */
export function tar(...pieces: readonly Buffer[]): Buffer {
  return Buffer.concat([...pieces, END]);
}

export function gzip(bytes: Buffer): Buffer {
  return gzipSync(bytes);
}

/** What was read: names of directories end in `/`. */
export type Content = Readonly<Record<string, string>>;

/** Reads an archive wholly, in pieces of some size. */
export async function readAll(bytes: Buffer, format: 'tar' | 'tar.gz' = 'tar', limits?: ArchiveLimits, piece = 10_000): Promise<Content> {
  const content: Record<string, string> = {};
  for await (const entry of readArchive(pieces(bytes, piece), { format, limits })) content[nameOf(entry)] = await textOf(entry);
  return content;
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}

function nameOf({ name, kind }: ArchiveMember): string {
  return kind === 'directory' ? `${name}/` : name;
}

async function textOf({ content }: ArchiveMember): Promise<string> {
  const all: Buffer[] = [];
  for await (const piece of content()) all.push(Buffer.from(piece));
  return Buffer.concat(all).toString('latin1');
}
