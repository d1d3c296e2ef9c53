/**
 * The bytes that version 0.2.0 of the reference implementation signed instead of the real pre-authentication encoding:
 * `DSSEV1 <length> <type> <length> ` and then Python's `repr` of the payload bytes.
 */
export function legacyPreAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const header = Buffer.from(`DSSEV1 ${payloadType.length} ${payloadType} ${payload.length} `);
  return Buffer.concat([header, pythonBytesRepr(payload)]);
}

/** Python's `repr` of bytes, in ASCII: `b'…'`, or `b"…"` where they hold a single quote and no double one. */
export function pythonBytesRepr(bytes: Uint8Array): Uint8Array {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  const escapes = Array.from({ length: 256 }, (_, byte) => Buffer.from(escapeOf(byte, quote)));
  let length = 3;
  for (const byte of bytes) length += escapes[byte]?.length ?? 0;
  const repr = Buffer.alloc(length);
  let at = repr.write(`b${quote}`);
  for (const byte of bytes) {
    const text = escapes[byte];
    if (text !== undefined) for (const unit of text) repr[at++] = unit;
  }
  repr.write(quote, at);
  return repr;
}

function escapeOf(byte: number, quote: string): string {
  const text = String.fromCharCode(byte);
  if (text === '\\' || text === quote) return `\\${text}`;
  if (text === '\t') return '\\t';
  if (text === '\n') return '\\n';
  if (text === '\r') return '\\r';
  return byte >= 0x20 && byte < 0x7f ? text : `\\x${byte.toString(16).padStart(2, '0')}`;
}
