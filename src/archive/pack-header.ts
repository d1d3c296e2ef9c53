import { BLOCK_BYTES } from './header.ts';
import { octalMaximum } from './numeric.ts';

/** What is written of a file before its content. Owner, group and permissions are the same for all: they are no part of a model. */
export interface PackedHeader {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

const PLAIN = /^[\x20-\x7e]*$/u;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
const LARGEST_OCTAL = octalMaximum(12);
const PAX_NAME = '././@PaxHeader';

/**
 * The header of a file (POSIX.1-1988 ustar); before it a PAX header (POSIX.1-2001) where name or size do not fit, and only
 * there. Equal files have equal headers.
 */
export function encodeHeader({ name, size, mtime }: PackedHeader): Buffer {
  const place = PLAIN.test(name) ? splitName(name) : undefined;
  const records = [
    ...(place === undefined ? [paxRecord('path', name)] : []),
    ...(size > LARGEST_OCTAL ? [paxRecord('size', `${size}`)] : []),
  ];
  const pax = Buffer.concat(records);
  // Readers that know no PAX find a name there that does no harm.
  const plain = place ?? {
    prefix: '',
    name: name
      .replace(/[^\x20-\x7e]/gu, '_')
      .slice(0, NAME_BYTES)
      .replace(/\/+$/u, ''),
  };
  const own = header({ ...plain, type: '0', size: size > LARGEST_OCTAL ? 0 : size, mtime });
  if (pax.length === 0) return own;
  return Buffer.concat([header({ prefix: '', name: PAX_NAME, type: 'x', size: pax.length, mtime }), pax, padding(pax.length), own]);
}

/** The zero bytes that fill the last block of so many bytes. */
export function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** What ends an archive. */
export const END_BLOCKS = Buffer.alloc(2 * BLOCK_BYTES);

interface Fields {
  readonly prefix: string;
  readonly name: string;
  readonly type: '0' | 'x';
  readonly size: number;
  readonly mtime: number;
}

function header({ prefix, name, type, size, mtime }: Fields): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(name, 0, 'latin1');
  block.write('0000644\0', 100, 'latin1');
  block.write('0000000\0', 108, 'latin1');
  block.write('0000000\0', 116, 'latin1');
  block.write(`${octal(size, 11)}\0`, 124, 'latin1');
  block.write(`${octal(mtime, 11)}\0`, 136, 'latin1');
  block.write('        ', 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write('0000000\0', 329, 'latin1');
  block.write('0000000\0', 337, 'latin1');
  block.write(prefix, 345, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** A name as the two fields hold it, cut at the first slash that will do; undefined where there is none. */
function splitName(name: string): Pick<Fields, 'prefix' | 'name'> | undefined {
  if (name.length <= NAME_BYTES) return { prefix: '', name };
  const cut = name.indexOf('/', name.length - NAME_BYTES - 1);
  if (cut < 1 || cut > PREFIX_BYTES || cut === name.length - 1) return undefined;
  return { prefix: name.slice(0, cut), name: name.slice(cut + 1) };
}

/** Its own length counts: `<length> <key>=<value>\n`. */
function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + 1;
  while (length !== bytes + `${length}`.length) length = bytes + `${length}`.length;
  return Buffer.from(`${length}${rest}`);
}
