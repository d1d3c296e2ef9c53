/** Writes DER for tests; nothing is checked, so that wrong structures can be made too. */
export function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = Buffer.from(evenHex(BigInt(body.length)), 'hex');
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, body]);
}

export const sequence = (...items: readonly Uint8Array[]): Buffer => der(0x30, ...items);
export const set = (...items: readonly Uint8Array[]): Buffer => der(0x31, ...[...items].sort(Buffer.compare));
export const octets = (bytes: Uint8Array): Buffer => der(0x04, bytes);
export const bits = (bytes: Uint8Array, unused = 0): Buffer => der(0x03, Buffer.of(unused), bytes);
export const boolean = (value: boolean): Buffer => der(0x01, Buffer.of(value ? 0xff : 0));
export const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text));
export const ascii = (tag: number, text: string): Buffer => der(tag, Buffer.from(text, 'latin1'));
export const NULL: Buffer = der(0x05);

/** A context-specific tag, constructed unless said otherwise. */
export const context = (number: number, content: Uint8Array, constructed = true): Buffer =>
  der(0x80 | (constructed ? 0x20 : 0) | number, content);

export function integer(value: bigint | number): Buffer {
  const number = BigInt(value);
  let bytes = 1;
  while (BigInt.asIntN(bytes * 8, number) !== number) bytes++;
  return der(
    0x02,
    Buffer.from(
      BigInt.asUintN(bytes * 8, number)
        .toString(16)
        .padStart(bytes * 2, '0'),
      'hex',
    ),
  );
}

export function oid(dotted: string): Buffer {
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt);
  const bytes = [first * 40n + second, ...rest].flatMap((arc) => {
    const groups = [Number(arc & 0x7fn)];
    for (let left = arc >> 7n; left > 0n; left >>= 7n) groups.unshift(Number(left & 0x7fn) | 0x80);
    return groups;
  });
  return der(0x06, Buffer.from(bytes));
}

/** UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() < 2050 ? ascii(0x17, digits.slice(2)) : ascii(0x18, digits);
}

/** A BIT STRING of named bits: the numbers of the bits that are set, trailing zeros left out. */
export function namedBits(numbers: readonly number[]): Buffer {
  const highest = Math.max(-1, ...numbers);
  const bytes = Buffer.alloc((highest + 8) >> 3);
  for (const number of numbers) bytes[number >> 3] = (bytes[number >> 3] ?? 0) | (0x80 >> (number & 7));
  return bits(bytes, highest < 0 ? 0 : 7 - (highest & 7));
}

function evenHex(value: bigint): string {
  const hex = value.toString(16);
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}
