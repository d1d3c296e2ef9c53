/** One value of DER (X.690), with the values inside it where it is constructed. */
export interface DerValue {
  readonly tag: number;
  /** The whole value, header included. */
  readonly bytes: Uint8Array;
  readonly content: Uint8Array;
  readonly items: readonly DerValue[];
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Why bytes are not the DER that was expected. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

const MAX_DEPTH = 32;
const MAX_OID_BYTES = 64;

/** What a structure allows beyond RFC 5280. */
export interface DerOptions {
  /** Fractions of a second in GeneralizedTime: timestamps have them (RFC 3161 §2.4.2), certificates never. */
  readonly fractions?: boolean | undefined;
}

/**
 * Reads exactly one DER value. Stricter than asn1js, which reads BER: definite and shortest lengths, low tags, shortest integers,
 * booleans of 00 or FF, times in UTC, to the second unless said otherwise, nothing after the end. Work is linear in the number of bytes.
 *
 * @throws DerError
 */
export function readDer(bytes: Uint8Array, options: DerOptions = {}): DerValue {
  const value = readValue(bytes, 0, options);
  if (value.bytes.length !== bytes.length) throw new DerError('there are bytes after the end');
  return value;
}

function readValue(input: Uint8Array, depth: number, options: DerOptions): DerValue {
  if (depth > MAX_DEPTH) throw new DerError('it is nested too deeply');
  const [tag, first] = input;
  if (tag === undefined || first === undefined) throw new DerError('it is cut off');
  if ((tag & 0x1f) === 0x1f) throw new DerError('it has a tag above 30');
  const start = first < 0x80 ? 2 : 2 + (first & 0x7f);
  const length = first < 0x80 ? first : readLength(input.subarray(2, start), first & 0x7f);
  const end = start + length;
  if (end > input.length) throw new DerError('it is cut off');
  const content = input.subarray(start, end);
  const items: DerValue[] = [];
  if ((tag & 0x20) === 0) {
    checkPrimitive(tag, content, options);
  } else {
    for (let at = start; at < end; ) {
      const item = readValue(input.subarray(at, end), depth + 1, options);
      items.push(item);
      at += item.bytes.length;
    }
  }
  return { tag, bytes: input.subarray(0, end), content, items };
}

function readLength(octets: Uint8Array, count: number): number {
  if (count === 0) throw new DerError('it has a length that is not definite');
  if (count > 3 || octets.length < count) throw new DerError('it is cut off');
  const length = octets.reduce((value, octet) => value * 256 + octet, 0);
  if (length < (count === 1 ? 0x80 : 256 ** (count - 1))) throw new DerError('a length is not in its shortest form');
  return length;
}

function checkPrimitive(tag: number, content: Uint8Array, { fractions }: DerOptions): void {
  const [first = 0, second = 0] = content;
  switch (tag) {
    case TAG.boolean:
      if (content.length !== 1 || (first !== 0 && first !== 0xff)) throw new DerError('a boolean is neither 00 nor ff');
      return;
    case TAG.integer:
      if (content.length === 0) throw new DerError('an integer is empty');
      if (content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
        throw new DerError('an integer is not in its shortest form');
      }
      return;
    case TAG.bitString:
      if (content.length === 0 || first > 7 || (content.length === 1 && first !== 0)) throw new DerError('a bit string is malformed');
      return;
    case TAG.null:
      if (content.length !== 0) throw new DerError('a null is not empty');
      return;
    case TAG.utcTime:
    case TAG.generalizedTime:
      if (parseTime(tag, content, fractions) === undefined) throw new DerError('a time is not one');
      return;
    case TAG.sequence & 0x1f:
    case TAG.set & 0x1f:
      throw new DerError('a sequence or set is primitive');
  }
}

/** RFC 5280 §4.1.2.5: seconds are there, the zone is Z; a fraction, where allowed, does not end in 0 (X.690 §11.7). */
function parseTime(tag: number, content: Uint8Array, fractions = false): Date | undefined {
  const text = Buffer.from(content).toString('latin1');
  const digits = tag === TAG.utcTime ? `${Number(text.slice(0, 2)) >= 50 ? '19' : '20'}${text}` : text;
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{0,8}[1-9])?Z$/.exec(digits);
  if (parts === null || (parts[7] !== undefined && !(fractions && tag === TAG.generalizedTime))) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '.'] = parts;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4).padEnd(4, '0')}Z`;
  const value = new Date(iso);
  // A thirtieth of February would move on to March.
  return Number.isNaN(value.getTime()) || value.toISOString() !== iso ? undefined : value;
}

/** The moment of a UTCTime or GeneralizedTime, to the millisecond. */
export function timeOf(value: DerValue): Date {
  const isTime = value.tag === TAG.utcTime || value.tag === TAG.generalizedTime;
  const time = isTime ? parseTime(value.tag, value.content, true) : undefined;
  if (time === undefined) throw new DerError('a time was expected');
  return time;
}

/** The items of a SEQUENCE, as many as said. */
export function sequenceItems(value: DerValue, min = 0, max = Number.POSITIVE_INFINITY): readonly DerValue[] {
  if (value.tag !== TAG.sequence) throw new DerError('a sequence was expected');
  if (value.items.length < min || value.items.length > max) throw new DerError('a sequence has too few or too many items');
  return value.items;
}

/** A number from 0 to 2^31-1, of an INTEGER or of an implicit tag over one. */
export function smallInteger(value: DerValue, tag: number = TAG.integer): number {
  if (value.tag !== tag || value.content.length === 0) throw new DerError('an integer was expected');
  if (value.content.length > 4 || (value.content[0] ?? 0) >= 0x80) throw new DerError('a number is negative or too large');
  return value.content.reduce((number, octet) => number * 256 + octet, 0);
}

/** An OBJECT IDENTIFIER in dotted form. */
export function objectIdentifier(value: DerValue): string {
  const { tag, content } = value;
  if (tag !== TAG.oid || content.length === 0 || (content.at(-1) ?? 0) >= 0x80) throw new DerError('an object identifier was expected');
  if (content.length > MAX_OID_BYTES) throw new DerError('an object identifier is too long');
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const octet of content) {
    if (arc === 0n && octet === 0x80) throw new DerError('an object identifier is not in its shortest form');
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    if (octet < 0x80) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  const [head = 0n, ...rest] = arcs;
  const top = head < 80n ? head / 40n : 2n;
  return [top, head - top * 40n, ...rest].join('.');
}
