import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Bytes } from './s3-server-bytes.ts';

/** The checksums that S3 takes, in its words for them. */
export const ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type ChecksumAlgorithm = (typeof ALGORITHMS)[number];
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT';

/** What S3 knows of the bytes of an object. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  /** Base64; of a composite one without the number of its parts. */
  readonly value: string;
}

/** A checksum while it is computed. */
export interface RunningChecksum {
  update(chunk: Uint8Array): void;
  digest(): Buffer;
}

export function algorithmOf(name: string): ChecksumAlgorithm | undefined {
  return ALGORITHMS.find((algorithm) => algorithm === name);
}

export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  switch (algorithm) {
    case 'SHA1':
    case 'SHA256': {
      const hash = createHash(algorithm.toLowerCase());
      return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest() };
    }
    case 'CRC32': {
      let value = 0;
      return {
        update: (chunk) => {
          value = crc32(chunk, value);
        },
        digest: () => bigEndian([value]),
      };
    }
    case 'CRC32C':
      return reflectedCrc(0, 0x82f63b78);
    case 'CRC64NVME':
      return reflectedCrc(0x9a6c9329, 0xac4bc9b5);
  }
}

export async function checksumOf(algorithm: ChecksumAlgorithm, bytes: Bytes): Promise<string> {
  const checksum = startChecksum(algorithm);
  for await (const chunk of bytes.read()) checksum.update(chunk);
  return checksum.digest().toString('base64');
}

/** The checksum of the checksums of parts. */
export function compositeOf(algorithm: ChecksumAlgorithm, parts: readonly string[]): string {
  const checksum = startChecksum(algorithm);
  for (const part of parts) checksum.update(Buffer.from(part, 'base64'));
  return checksum.digest().toString('base64');
}

/** A CRC of 64 bits in two halves; of 32 bits where the upper half of the polynomial is 0. */
function reflectedCrc(polynomialHigh: number, polynomialLow: number): RunningChecksum {
  const isShort = polynomialHigh === 0;
  const table = Array.from({ length: 256 }, (_, index) => {
    let high = 0;
    let low = index;
    for (let bit = 0; bit < 8; bit++) {
      const odd = low & 1;
      low = ((low >>> 1) | (high << 31)) >>> 0;
      high >>>= 1;
      if (odd === 1) {
        low = (low ^ polynomialLow) >>> 0;
        high = (high ^ polynomialHigh) >>> 0;
      }
    }
    return { high, low };
  });
  const highs = Uint32Array.from(table, ({ high }) => high);
  const lows = Uint32Array.from(table, ({ low }) => low);
  let high = isShort ? 0 : 0xffffffff;
  let low = 0xffffffff;
  return {
    update: (chunk) => {
      for (const byte of chunk) {
        const index = (low ^ byte) & 0xff;
        low = (((low >>> 8) | (high << 24)) ^ (lows[index] ?? 0)) >>> 0;
        high = ((high >>> 8) ^ (highs[index] ?? 0)) >>> 0;
      }
    },
    digest: () => bigEndian(isShort ? [~low] : [~high, ~low]),
  };
}

function bigEndian(words: readonly number[]): Buffer {
  const buffer = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) buffer.writeUInt32BE(word >>> 0, index * 4);
  return buffer;
}
