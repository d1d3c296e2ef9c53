import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { fileError, refused } from '../core/index.ts';

/** A regular file that is open for reading at any place. */
export interface OpenFile {
  readonly path: string;
  /** In bytes, when it was opened. */
  readonly size: number;
  /** Reads up to `length` bytes into a new buffer; fewer only where the file ends. */
  read(offset: number, length: number): Promise<Buffer>;
  /** Fills as much of a buffer as the file holds from `offset` on; gives the number of bytes. */
  readInto(buffer: Buffer, offset: number): Promise<number>;
}

/**
 * Opens a file, lends it out and closes it.
 *
 * @throws MlsignError `not-a-file` for anything but a regular file, and what `fileError` gives
 */
export async function withFile<T>(path: string, use: (file: OpenFile) => Promise<T>): Promise<T> {
  try {
    const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw refused('not-a-file', 'not a regular file', { subject: path, expected: 'a regular file' });
      const readInto = async (buffer: Buffer, offset: number): Promise<number> => {
        let done = 0;
        while (done < buffer.length) {
          const { bytesRead } = await handle.read(buffer, done, buffer.length - done, offset + done);
          if (bytesRead === 0) break;
          done += bytesRead;
        }
        return done;
      };
      return await use({
        path,
        size: stat.size,
        readInto,
        read: async (offset, length) => {
          if (!(offset < stat.size)) return Buffer.alloc(0);
          const buffer = Buffer.alloc(Math.max(0, Math.min(length, stat.size - offset)));
          return buffer.subarray(0, await readInto(buffer, offset));
        },
      });
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}
