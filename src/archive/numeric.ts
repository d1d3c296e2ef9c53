/** Spaces before the digits; after them only spaces or zero bytes: readers differ on whatever else stands there. */
const OCTAL = /^ *([0-7]+)[ \0]*$/;
const BLANK = /^[ \0]*$/;

/** A number of a header; `blank` where nothing but spaces or zero bytes stands there, `malformed` where readers would differ. */
export type HeaderNumber = number | 'blank' | 'malformed' | 'negative' | 'too-large' | 'needless-binary';

/**
 * Reads a number of a header: octal digits, or GNU's base 256 where octal digits could not hold it.
 *
 * @param field 8 or 12 bytes
 */
export function headerNumber(field: Buffer): HeaderNumber {
  const [first = 0] = field;
  if (first >= 0x80) return binaryNumber(field);
  const text = field.toString('latin1');
  const digits = OCTAL.exec(text)?.[1];
  if (digits !== undefined) return Number.parseInt(digits, 8);
  return BLANK.test(text) ? 'blank' : 'malformed';
}

/** The largest number that the octal digits of a field hold. */
export function octalMaximum(fieldBytes: number): number {
  return 8 ** (fieldBytes - 1) - 1;
}

function binaryNumber(field: Buffer): HeaderNumber {
  const [first = 0] = field;
  if (first === 0xff) return 'negative';
  // Some readers take seven bits of the first byte, others none.
  if (first !== 0x80) return 'malformed';
  const value = BigInt(`0x${field.toString('hex', 1)}`);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return 'too-large';
  return Number(value) > octalMaximum(field.length) ? Number(value) : 'needless-binary';
}
