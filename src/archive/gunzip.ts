import { once } from 'node:events';
import { crc32, createInflateRaw, type InflateRaw } from 'node:zlib';
import { type MlsignError, systemErrorCode } from '../core/index.ts';
import { type ArchiveLimits, FREE_BYTES } from './limits.ts';
import { limitMet, placeRefused } from './refusals.ts';
import { readBytes, StreamBytes } from './tar-bytes.ts';

/** Unpacked at once: enough that the other threads are not woken for nothing. */
const PIECE_BYTES = 512 * 1024;
const PACKED_BYTES = 256 * 1024;
const TRAILER_BYTES = 8;
const MAX_FILE_NAME = 1024;

/**
 * Unpacks gzip (RFC 1952) of exactly one member, in another thread than the one that takes the bytes. Node's own gunzip joins
 * members, and passes over zero bytes and what else follows.
 *
 * @throws MlsignError `gzip-malformed`, `gzip-truncated`, `gzip-checksum-wrong`, `gzip-several-members`, `gzip-trailing-data`,
 *   `archive-too-large`
 */
export async function* gunzip(packed: AsyncIterable<Buffer>, limits: ArchiveLimits): AsyncGenerator<Buffer, void, undefined> {
  const input = new StreamBytes(packed);
  try {
    await readGzipHeader(input);
    yield* inflateAll(input, limits);
  } finally {
    await input.close();
  }
}

async function* inflateAll(input: StreamBytes, limits: ArchiveLimits): AsyncGenerator<Buffer, void, undefined> {
  const inflate = createInflateRaw({ chunkSize: PIECE_BYTES });
  const feed = new Feed(input, inflate);
  let [crc, length] = [0, 0];
  try {
    const fed = feed.run();
    fed.catch((error: Error) => inflate.destroy(error));
    for await (const piece of inflate as AsyncIterable<Buffer>) {
      crc = crc32(piece, crc);
      length += piece.length;
      if (length > FREE_BYTES && length > limits.ratio * feed.fed) {
        throw limitMet('ratio', `it unpacks to more than ${limits.ratio} times its size`, limits.ratio, `byte ${length}`);
      }
      yield piece;
    }
    inflate.destroy();
    await fed;
  } catch (error) {
    throw inflateError(error, input.position);
  } finally {
    inflate.destroy();
  }
  await checkTrailer(feed, input, crc, length);
}

/** Gives an inflater what it takes, piece by piece, and knows what it did not take. */
class Feed {
  readonly #input: StreamBytes;
  readonly #inflate: InflateRaw;
  readonly #ended: Promise<false>;
  #last: Buffer = Buffer.alloc(0);
  #fed = 0;

  constructor(input: StreamBytes, inflate: InflateRaw) {
    this.#input = input;
    this.#inflate = inflate;
    this.#ended = once(inflate, 'close').then(
      () => false,
      () => false,
    );
  }

  get fed(): number {
    return this.#fed;
  }

  /** What follows the end of the compressed data, of the bytes that were given. */
  get left(): Buffer {
    return this.#last.subarray(this.#last.length - (this.#fed - this.#inflate.bytesWritten));
  }

  async run(): Promise<void> {
    for (let isTaken = true; isTaken; ) {
      const piece = await this.#input.take(PACKED_BYTES);
      if (this.#inflate.destroyed) return;
      if (piece.length === 0) {
        this.#inflate.end();
        return;
      }
      this.#last = piece;
      this.#fed += piece.length;
      const taken = new Promise<boolean>((resolve) => this.#inflate.write(piece, (error) => resolve(!error)));
      // Where the compressed data has ended, a piece is not taken, or not wholly; only sometimes somebody says so.
      isTaken = (await Promise.race([taken, this.#ended])) && this.#inflate.bytesWritten === this.#fed;
    }
  }
}

async function readGzipHeader(input: StreamBytes): Promise<void> {
  const header = Buffer.from(await readBytes(input, 10));
  if (header.length < 10) throw truncated(input.position);
  const [first, second, method, flags = 0] = header;
  if (first !== 0x1f || second !== 0x8b) throw malformed('it does not begin as gzip does', 0);
  if (method !== 8) throw malformed('it is compressed in a way that gzip does not have', 2);
  // Comments, extra fields and checksums of the header are where readers differ, and writers do without.
  if ((flags & ~FILE_NAME) !== 0) throw malformed('the header of gzip holds more than a file name', 3, `flags ${flags}`);
  if ((flags & FILE_NAME) === 0) return;
  for (let i = 0; i < MAX_FILE_NAME; i++) {
    const [byte] = await readBytes(input, 1);
    if (byte === undefined) throw truncated(input.position);
    if (byte === 0) return;
  }
  throw malformed('the file name in the header of gzip does not end', 10);
}

const FILE_NAME = 0x08;

async function checkTrailer({ left }: Feed, input: StreamBytes, crc: number, length: number): Promise<void> {
  const rest = Buffer.concat([left, await readBytes(input, Math.max(0, TRAILER_BYTES + 1 - left.length))]);
  if (rest.length < TRAILER_BYTES) throw truncated(input.position);
  if (rest.readUInt32LE(0) !== crc || rest.readUInt32LE(4) !== length % 2 ** 32) {
    throw placeRefused('gzip-checksum-wrong', 'what gzip unpacks is not what was packed: checksum or length is wrong', input.position, {
      expected: `CRC-32 ${hex(rest.readUInt32LE(0))}, length ${rest.readUInt32LE(4)}`,
      got: `CRC-32 ${hex(crc)}, length ${length % 2 ** 32}`,
      suggestion: 'get the archive again: it was damaged',
    });
  }
  if (rest.length === TRAILER_BYTES) return;
  if (rest[TRAILER_BYTES] === 0x1f) {
    throw placeRefused('gzip-several-members', 'another gzip member may follow the first, which only some readers join', input.position);
  }
  throw placeRefused('gzip-trailing-data', 'something follows the end of gzip', input.position);
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function inflateError(error: unknown, offset: number): unknown {
  const code = systemErrorCode(error);
  if (code === 'Z_BUF_ERROR') return truncated(offset);
  return code?.startsWith('Z_') ? malformed('the compressed data is damaged', offset) : error;
}

function truncated(offset: number): MlsignError {
  return placeRefused('gzip-truncated', 'gzip ends too early', offset, { suggestion: 'get the archive again: it was cut short' });
}

function malformed(reason: string, offset: number, got?: string): MlsignError {
  return placeRefused('gzip-malformed', reason, offset, { got });
}
