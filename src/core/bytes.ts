import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { fileError, refused } from './errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of UTF-8 bytes, or undefined where they are not valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * The bytes of canonical base64 (RFC 4648 §4, padded), or undefined for anything else: junk, white space, missing or
 * non-zero padding bits.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || text.includes('-') || text.includes('_')) return undefined;
  const bytes = Buffer.from(text, 'base64');
  // The decoder skips junk, and so every later byte moves: the last four characters show it, without a copy of the text.
  const last = Math.max(0, text.length - 4);
  return bytes.subarray((last / 4) * 3).toString('base64') === text.slice(last) ? bytes : undefined;
}

/** SHA-256 in lower-case hex. */
export function sha256Hex(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Orders strings by Unicode code point, as OMS §5.2.1 asks (JavaScript's own order is that of UTF-16 units). */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      // Surrogates (0xD800–0xDFFF) stand for code points above every other unit.
      const xSurrogate = x >= 0xd800 && x <= 0xdfff;
      const ySurrogate = y >= 0xd800 && y <= 0xdfff;
      if (xSurrogate !== ySurrogate) return xSurrogate ? 1 : -1;
      return x - y;
    }
  }
  return a.length - b.length;
}

/**
 * Reads a whole small file, refusing more than `maxBytes` before reading them and anything that is not a regular file.
 *
 * @throws MlsignError `file-too-large`, `not-a-file`, and what {@link fileError} gives.
 */
export async function readCapped(path: string, maxBytes: number, what: string): Promise<Uint8Array> {
  try {
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) {
        throw refused('not-a-file', `the ${what} is not a regular file`, { subject: path, expected: 'a regular file' });
      }
      const buffer = Buffer.alloc(Math.min(stat.size, maxBytes) + 1);
      let length = 0;
      while (length < buffer.length) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
        if (bytesRead === 0) return buffer.subarray(0, length);
        length += bytesRead;
      }
      throw refused('file-too-large', `the ${what} is larger than mlsign reads`, {
        subject: path,
        expected: `at most ${maxBytes} bytes`,
        got: `${Math.max(stat.size, length)} bytes`,
      });
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, `read the ${what}`, path);
  }
}
