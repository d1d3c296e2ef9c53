import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { throwIfAborted } from '../core/index.ts';
import type { TarBytes } from './tar-bytes.ts';

const WINDOW_BYTES = 16 * 1024;
const CHUNK_BYTES = 1024 * 1024;
/** Windows between two turns of the event loop: without them nothing else would run, and nobody could interrupt. */
const WINDOWS_PER_TURN = 256;

/**
 * Bytes of a file of which most are passed over, as headers are read. It reads synchronously, which for so little at a time is
 * several times faster.
 */
export class FileBytes implements TarBytes {
  readonly #file: number;
  readonly #size: number;
  readonly #signal: AbortSignal | undefined;
  readonly #buffer = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #window: Buffer = this.#buffer.subarray(0, 0);
  #start = 0;
  #position = 0;
  #windows = 0;

  constructor({ fd }: FileHandle, size: number, signal?: AbortSignal) {
    this.#file = fd;
    this.#size = size;
    this.#signal = signal;
  }

  get position(): number {
    return this.#position;
  }

  take(most: number): Buffer | Promise<Buffer> {
    if (this.#position - this.#start < this.#window.length) return this.#cut(most);
    if (++this.#windows % WINDOWS_PER_TURN === 0) return turn().then(() => this.#fill(most));
    return this.#fill(most);
  }

  skip(length: number): number {
    const skipped = Math.max(0, Math.min(length, this.#size - this.#position));
    this.#position += skipped;
    return skipped;
  }

  #fill(most: number): Buffer {
    throwIfAborted(this.#signal);
    this.#start = this.#position;
    this.#window = this.#buffer.subarray(0, readSync(this.#file, this.#buffer, 0, WINDOW_BYTES, this.#start));
    return this.#cut(most);
  }

  #cut(most: number): Buffer {
    const at = this.#position - this.#start;
    const piece = this.#window.subarray(at, at + most);
    this.#position += piece.length;
    return piece;
  }
}

/** A file from its beginning, in pieces that are good until the next but one is asked for. */
export async function* fileChunks(handle: FileHandle, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
  const buffers = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)] as const;
  for (let [position, turn] = [0, 0]; ; turn++) {
    throwIfAborted(signal);
    const buffer = turn % 2 === 0 ? buffers[0] : buffers[1];
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
