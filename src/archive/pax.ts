import { decodeUtf8, type MlsignError } from '../core/index.ts';
import { placeRefused } from './refusals.ts';

/** What a PAX header says of the member after it. */
export interface PaxFields {
  readonly path?: Buffer | undefined;
  readonly size?: number | undefined;
}

/** What some readers refuse where it is no number, after others have unpacked half. */
const NUMBERS = /^(?:atime|ctime|mtime|uid|gid)$/u;
const NUMBER = /^-?\d{1,18}(?:\.\d*)?$/;

/** Says nothing of name, size or content. */
const HARMLESS =
  /^(?:atime|ctime|mtime|uid|gid|uname|gname|comment|LIBARCHIVE\.creationtime|SCHILY\.(?:dev|ino|nlink|fflags|acl\.[a-z]+|xattr\..+)|LIBARCHIVE\.xattr\..+|RHT\.security\.selinux)$/su;
const DECIMAL = /^(?:0|[1-9]\d{0,15})$/;

/**
 * Parses the records of a PAX header, `<length> <key>=<value>\n` one after the other (POSIX.1-2001, pax).
 *
 * @param isGlobal whether it speaks for all members that follow: then it may say nothing of their names and sizes
 * @param offset where it stands in the archive
 * @throws MlsignError `archive-pax-malformed`, `archive-pax-refused`
 */
export function parsePax(bytes: Buffer, isGlobal: boolean, offset: number): PaxFields {
  const seen = new Set<string>();
  let fields: PaxFields = {};
  for (let at = 0; at < bytes.length; ) {
    const { key, value, end } = nextRecord(bytes, at, offset);
    at = end;
    // Of two, some readers take the first and others the last.
    if (seen.has(key)) throw refusedKey(key, 'says the same thing twice', offset);
    seen.add(key);
    if (NUMBERS.test(key) && !NUMBER.test(value.toString('latin1'))) {
      throw malformed(`${key} is not a number`, offset, { got: JSON.stringify(value.toString('latin1', 0, 100)) });
    }
    if (HARMLESS.test(key)) continue;
    if (isGlobal || (key !== 'path' && key !== 'size')) throw refusedKey(key, isGlobal ? WHY_GLOBAL : whyNot(key), offset);
    if (key === 'path') fields = { ...fields, path: value };
    else fields = { ...fields, size: decimal(value, offset) };
  }
  return fields;
}

const WHY_GLOBAL = 'is for all members at once and may not change them';

function whyNot(key: string): string {
  if (key.startsWith('GNU.sparse.') || key === 'SCHILY.realsize')
    return 'makes a sparse file, which readers put together in different ways';
  if (key === 'linkpath') return 'names the target of a link';
  if (key === 'hdrcharset' || key === 'charset') return 'gives names another character set';
  return 'has a keyword whose meaning not all readers know';
}

function nextRecord(bytes: Buffer, start: number, offset: number) {
  const space = bytes.subarray(start, start + 10).indexOf(0x20);
  const length = space < 1 ? '' : bytes.toString('latin1', start, start + space);
  const end = start + Number(length);
  if (!DECIMAL.test(length) || end > bytes.length || end <= start + space + 1) throw malformed('the length of a record is wrong', offset);
  if (bytes[end - 1] !== 0x0a) throw malformed('a record does not end in a line feed', offset);
  const record = bytes.subarray(start + space + 1, end - 1);
  const equals = record.indexOf(0x3d);
  const key = equals < 1 ? undefined : decodeUtf8(record.subarray(0, equals));
  if (key === undefined || key.includes('\0')) throw malformed('a record has no keyword', offset);
  return { key, value: record.subarray(equals + 1), end };
}

function decimal(value: Buffer, offset: number): number {
  const text = value.toString('latin1');
  const number = Number(text);
  if (DECIMAL.test(text) && Number.isSafeInteger(number)) return number;
  throw malformed('the size is not a number', offset, { expected: 'a decimal number below 2⁵³', got: JSON.stringify(text) });
}

function malformed(reason: string, offset: number, details: { readonly expected?: string; readonly got?: string } = {}): MlsignError {
  return placeRefused('archive-pax-malformed', `in a PAX header ${reason}`, offset, details);
}

function refusedKey(key: string, reason: string, offset: number): MlsignError {
  return placeRefused('archive-pax-refused', `a PAX header ${reason}`, offset, { got: JSON.stringify(key) });
}
