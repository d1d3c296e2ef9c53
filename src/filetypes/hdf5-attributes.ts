import type { OpenFile } from './open-file.ts';

const SIGNATURE_BYTES = 8;
const MAX_HEADER_BYTES = 1024 * 1024;
const MAX_VALUE_BYTES = 64 * 1024 * 1024;
const MAX_BLOCKS = 64;
const MESSAGE = { attribute: 0x0c, continuation: 0x10, attributeInfo: 0x15 };
const STRING = 3;
const VARIABLE_LENGTH = 9;

/**
 * A text attribute of the root group of an HDF5 file (HDF5 File Format Specification, version 3), in the forms that h5py
 * writes: superblock 0 and object headers of version 1. Null where the group does not have it; undefined where that cannot be told.
 */
export async function readRootAttribute(file: OpenFile, name: string): Promise<Buffer | null | undefined> {
  const start = await file.read(0, 96);
  if (start.length < 96 || start[SIGNATURE_BYTES] !== 0 || start[13] !== 8 || start[14] !== 8) return undefined;
  let blocks = [await firstBlock(file, Number(start.readBigUInt64LE(64)))];
  for (let count = 0; count < MAX_BLOCKS; count++) {
    const [block, ...others] = blocks;
    if (blocks.length === 0) return null;
    if (block === undefined) return undefined;
    blocks = others;
    for (let at = 0; at + 8 <= block.length; at += 8 + block.readUInt16LE(at + 2)) {
      const type = block.readUInt16LE(at);
      const data = block.subarray(at + 8, at + 8 + block.readUInt16LE(at + 2));
      if (type === MESSAGE.attributeInfo) return undefined;
      if (type === MESSAGE.continuation && data.length >= 16) {
        const length = Number(data.readBigUInt64LE(8));
        blocks.push(length > MAX_HEADER_BYTES ? undefined : await file.read(Number(data.readBigUInt64LE(0)), length));
      }
      if (type === MESSAGE.attribute && nameOf(data) === name) return readValue(file, data);
    }
  }
  return undefined;
}

/** The messages of an object header of version 1. */
async function firstBlock(file: OpenFile, at: number): Promise<Buffer | undefined> {
  const head = await file.read(at, 16);
  if (head.length < 16 || head[0] !== 1) return undefined;
  const length = head.readUInt32LE(8);
  return length > MAX_HEADER_BYTES ? undefined : file.read(at + 16, length);
}

function nameOf(attribute: Buffer): string | undefined {
  if (attribute.length < 9) return undefined;
  const start = attribute[0] === 3 ? 9 : 8;
  return attribute.toString('latin1', start, start + attribute.readUInt16LE(2)).replace(/\0+$/, '');
}

async function readValue(file: OpenFile, attribute: Buffer): Promise<Buffer | undefined> {
  // Version 1 fills each part up to eight bytes.
  const isPadded = attribute[0] === 1;
  const padded = (length: number): number => (isPadded ? Math.ceil(length / 8) * 8 : length);
  const typeAt = (attribute[0] === 3 ? 9 : 8) + padded(attribute.readUInt16LE(2));
  const value = attribute.subarray(typeAt + padded(attribute.readUInt16LE(4)) + padded(attribute.readUInt16LE(6)));
  const kind = (attribute[typeAt] ?? 0) & 0x0f;
  if (kind === STRING) return value;
  if (kind !== VARIABLE_LENGTH || value.length < 16) return undefined;
  return readHeap(file, Number(value.readBigUInt64LE(4)), value.readUInt32LE(12), value.readUInt32LE(0));
}

/** An object of a global heap, by its index. */
async function readHeap(file: OpenFile, at: number, index: number, length: number): Promise<Buffer | undefined> {
  const head = await file.read(at, 16);
  if (head.length < 16 || head.toString('latin1', 0, 4) !== 'GCOL' || length > MAX_VALUE_BYTES) return undefined;
  const end = at + Number(head.readBigUInt64LE(8));
  for (let next = at + 16; next + 16 <= end; ) {
    const object = await file.read(next, 16);
    if (object.length < 16) return undefined;
    const size = Number(object.readBigUInt64LE(8));
    if (object.readUInt16LE(0) === index) return file.read(next + 16, Math.min(size, length));
    if (object.readUInt16LE(0) === 0) return undefined;
    next += 16 + Math.ceil(size / 8) * 8;
  }
  return undefined;
}
