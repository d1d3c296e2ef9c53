import { Readable } from 'node:stream';
import type { OpenFile } from './open-file.ts';

/** The bytes of a file as a stream. */
export function readable(file: OpenFile, chunkBytes: number): Readable {
  return Readable.from(chunksOf(file, chunkBytes), { objectMode: false });
}

async function* chunksOf(file: OpenFile, chunkBytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < file.size; at += chunkBytes) {
    const chunk = await file.read(at, chunkBytes);
    if (chunk.length === 0) return;
    yield chunk;
  }
}
