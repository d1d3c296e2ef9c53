import type { FileIdentity } from '../digest/index.ts';
import type { ArchiveBytes } from './archive-bytes.ts';
import { openToRead, refuseChanged, withArchive } from './archive-handle.ts';
import { fileChunks } from './file-bytes.ts';

/** An archive on a disk. */
export class LocalBytes implements ArchiveBytes {
  readonly where: string;

  constructor(path: string) {
    this.where = path;
  }

  async lend<T>(use: (identity: FileIdentity, chunks: (signal?: AbortSignal) => AsyncIterable<Buffer>) => Promise<T>): Promise<T> {
    return await withArchive(this.where, (handle, identity) => use(identity, (signal) => fileChunks(handle, signal)));
  }

  async *again(identity: FileIdentity, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    await this.refuseChanged(identity);
    const handle = await openToRead(this.where);
    try {
      yield* fileChunks(handle, signal);
    } finally {
      await handle.close();
    }
  }

  async readInto(buffer: Buffer, place: number): Promise<number> {
    const handle = await openToRead(this.where);
    try {
      return (await handle.read(buffer, 0, buffer.length, place)).bytesRead;
    } finally {
      await handle.close();
    }
  }

  async refuseChanged(identity: FileIdentity): Promise<void> {
    await refuseChanged(this.where, identity);
  }
}
