import { availableParallelism } from 'node:os';
import { constants, crc32, deflateRaw } from 'node:zlib';
import { throwIfAborted } from '../core/index.ts';

/** How a stream is compressed. */
export interface GzipOptions {
  /** From 0, nothing, to 9, the smallest; 6 unless given. */
  readonly level?: number | undefined;
  /** Blocks that are compressed at a time; changes no byte. */
  readonly workers?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Compressed each on its own, so that several cores work; the last bytes of the one before make up for it. */
const BLOCK_BYTES = 512 * 1024;
const WINDOW_BYTES = 32 * 1024;
/** Room for a block that cannot be compressed, so that each comes out in one piece. */
const OUTPUT_BYTES = BLOCK_BYTES + 16 * 1024;
/** The threads that Node compresses in. */
const MOST_WORKERS = 4;
export const DEFAULT_LEVEL = 6;

/** No name, no time, and no system: equal content gives an equal header. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/**
 * Compresses a stream to gzip (RFC 1952) of one member, on several cores. Blocks of a fixed size are compressed by themselves
 * and end on a byte (as pigz does it), so that the bytes depend on content and level alone.
 *
 * @param pieces each is used up before the next is asked for
 */
export async function* gzipBlocks(
  pieces: AsyncIterable<Buffer>,
  { level = DEFAULT_LEVEL, workers = availableParallelism(), signal }: GzipOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  const most = Math.max(1, Math.min(workers, MOST_WORKERS)) + 1;
  const working: Promise<Buffer>[] = [];
  const trailer = Buffer.alloc(8);
  let [crc, length] = [0, 0];
  let window: Buffer | undefined;
  let last: Buffer | undefined;
  const begin = (block: Buffer, isLast: boolean): void => {
    const work = deflateBlock(block, window, level, isLast);
    // Where an earlier one fails, nobody waits for this one any more.
    work.catch(() => undefined);
    working.push(work);
    window = block.subarray(-WINDOW_BYTES);
  };
  yield HEADER;
  for await (const block of inBlocks(pieces)) {
    throwIfAborted(signal);
    crc = crc32(block, crc);
    length += block.length;
    if (last !== undefined) begin(last, false);
    last = block;
    if (working.length >= most) yield (await working.shift()) ?? NOTHING;
  }
  begin(last ?? NOTHING, true);
  for (const work of working) yield await work;
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(length % 2 ** 32, 4);
  yield trailer;
}

const NOTHING = Buffer.alloc(0);

function deflateBlock(block: Buffer, dictionary: Buffer | undefined, level: number, isLast: boolean): Promise<Buffer> {
  const finishFlush = isLast ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  const options = { level, chunkSize: OUTPUT_BYTES, finishFlush, ...(dictionary === undefined ? {} : { dictionary }) };
  return new Promise((resolve, reject) => {
    deflateRaw(block, options, (error, packed) => {
      if (error === null) resolve(packed);
      else reject(error);
    });
  });
}

/** All bytes in new buffers of one size, the last one smaller. */
async function* inBlocks(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let filled = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const copied = piece.copy(block, filled, at);
      at += copied;
      filled += copied;
      if (filled < BLOCK_BYTES) continue;
      yield block;
      block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}
