import type { OpenFile } from './open-file.ts';

/** A part of a file as a file of its own. */
export function fileRange(file: OpenFile, path: string, start: number, length: number): OpenFile {
  const size = Math.max(0, Math.min(length, file.size - start));
  return {
    path,
    size,
    read: (offset, wanted) => file.read(start + offset, Math.max(0, Math.min(wanted, size - offset))),
    readInto: (buffer, offset) => file.readInto(buffer.subarray(0, Math.max(0, Math.min(buffer.length, size - offset))), start + offset),
  };
}

/** A file whose first bytes are kept, because every reader begins with them. */
export async function withHeadKept(file: OpenFile, length: number): Promise<OpenFile> {
  const head = await file.read(0, length);
  const holds = (offset: number, wanted: number): boolean => offset + Math.min(wanted, file.size - offset) <= head.length;
  return {
    path: file.path,
    size: file.size,
    // Offsets come out of the files themselves, and may lie anywhere.
    read: async (offset, wanted) => {
      if (!(offset < file.size) || wanted <= 0) return Buffer.alloc(0);
      return holds(offset, wanted) ? head.subarray(offset, offset + wanted) : file.read(offset, wanted);
    },
    readInto: (buffer, offset) => file.readInto(buffer, offset),
  };
}
