import { refused } from '../core/index.ts';
import { ggmlBytes, ggmlTypeName } from './ggml-types.ts';
import { GgufCursor } from './gguf-cursor.ts';
import { type OpenFile, withFile } from './open-file.ts';
import type { TensorInfo } from './tensor.ts';

/** A value of the metadata; of an array only the length is kept. */
export type GgufValue = string | number | bigint | boolean | { readonly length: number };

/** Which part of a model in several files a file is. */
export interface GgufSplit {
  /** From 0. */
  readonly number: number;
  readonly count: number;
  /** Tensors of all parts together. */
  readonly tensors: number | undefined;
}

/** What a GGUF file says of itself. */
export interface GgufHeader {
  readonly version: number;
  readonly bigEndian: boolean;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly TensorInfo[];
  readonly split: GgufSplit | undefined;
}

const MAGIC = 'GGUF';
const DEFAULT_ALIGNMENT = 32;
const LIMITS = { keys: 65_536, keyBytes: 65_535, stringBytes: 4 * 1024 * 1024, tensors: 200_000, nameBytes: 1024, dimensions: 8 };
const TYPE_STRING = 8;
const TYPE_ARRAY = 9;
/** Value types by number, with their sizes in bytes. */
const SIZES: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };

/**
 * Reads the header of a GGUF file (versions 2 and 3, both byte orders): metadata and tensors, each tensor within the file,
 * in order and aligned. Vocabularies are walked past, not kept.
 *
 * @throws MlsignError `gguf-malformed`, `gguf-version`, and what `fileError` gives
 */
export function readGgufHeader(path: string): Promise<GgufHeader> {
  return withFile(path, readGgufFile);
}

/** `readGgufHeader` for a file that is open. */
export async function readGgufFile(file: OpenFile): Promise<GgufHeader> {
  const start = await file.read(0, 8);
  // The version tells the byte order: a small number in one, a huge one in the other.
  const bigEndian = start.length === 8 && start.readUInt16LE(4) === 0;
  const cursor = new GgufCursor(file, bigEndian);
  const magic = await cursor.bytes(4);
  if (magic.toString('latin1') !== MAGIC) throw cursor.malformed('it does not begin with "GGUF"', MAGIC, magic.toString('hex'));
  const version = await cursor.u32();
  if (version !== 2 && version !== 3) {
    throw refused('gguf-version', 'the GGUF file has a version that mlsign does not read', {
      subject: file.path,
      expected: '2 or 3',
      got: String(version),
    });
  }
  const tensorCount = await cursor.count('the number of tensors', LIMITS.tensors);
  const keyCount = await cursor.count('the number of metadata keys', LIMITS.keys);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keyCount; i++) {
    const key = await cursor.text('a metadata key', LIMITS.keyBytes);
    if (metadata.has(key)) throw cursor.malformed('a metadata key stands twice', 'unique keys', JSON.stringify(key));
    metadata.set(key, await readValue(cursor, await cursor.u32()));
  }
  const tensors = await readTensors(cursor, tensorCount, alignmentOf(metadata, cursor), file.size);
  return { version, bigEndian, metadata, tensors, split: splitOf(metadata) };
}

async function readValue(cursor: GgufCursor, type: number): Promise<GgufValue> {
  if (type === TYPE_STRING) return cursor.text('a metadata value', LIMITS.stringBytes);
  if (type === TYPE_ARRAY) return { length: await skipArray(cursor) };
  const bytes = await cursor.bytes(sizeOf(cursor, type));
  return decodeNumber(cursor.bigEndian ? Buffer.from(bytes).reverse() : bytes, type);
}

function sizeOf(cursor: GgufCursor, type: number): number {
  const size = SIZES[type];
  if (size === undefined) throw cursor.malformed('a metadata value has an unknown type', '0 to 12', String(type));
  return size;
}

function decodeNumber(bytes: Buffer, type: number): number | bigint | boolean {
  switch (type) {
    case 6:
      return bytes.readFloatLE();
    case 7:
      return bytes.readUInt8() !== 0;
    case 10:
      return bytes.readBigUInt64LE();
    case 11:
      return bytes.readBigInt64LE();
    case 12:
      return bytes.readDoubleLE();
    default:
      return type % 2 === 1 ? bytes.readIntLE(0, bytes.length) : bytes.readUIntLE(0, bytes.length);
  }
}

/** Arrays in arrays are refused, as llama.cpp does. */
async function skipArray(cursor: GgufCursor): Promise<number> {
  const type = await cursor.u32();
  if (type === TYPE_ARRAY) throw cursor.malformed('an array is inside another one', 'arrays of numbers or strings');
  const length = await cursor.count('the length of an array', cursor.left);
  if (type === TYPE_STRING) await cursor.skipStrings(length);
  else cursor.skip(length * sizeOf(cursor, type));
  return length;
}

function alignmentOf(metadata: ReadonlyMap<string, GgufValue>, cursor: GgufCursor): number {
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof alignment === 'number' && alignment > 0 && Number.isInteger(Math.log2(alignment))) return alignment;
  throw cursor.malformed('its alignment is not a power of two', 'a power of two', String(alignment));
}

async function readTensors(cursor: GgufCursor, count: number, alignment: number, fileSize: number): Promise<readonly TensorInfo[]> {
  const entries: { name: string; type: number; shape: number[]; offset: number }[] = [];
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    const name = await cursor.text('a tensor name', LIMITS.nameBytes);
    if (names.has(name)) throw cursor.malformed('a tensor name stands twice', 'unique names', JSON.stringify(name));
    names.add(name);
    const dimensions = await cursor.u32();
    if (dimensions > LIMITS.dimensions) {
      throw cursor.malformed('a tensor has too many dimensions', `at most ${LIMITS.dimensions}`, String(dimensions));
    }
    const shape: number[] = [];
    for (let d = 0; d < dimensions; d++) shape.push(await cursor.count('a dimension', Number.MAX_SAFE_INTEGER));
    const type = await cursor.u32();
    entries.push({ name, type, shape, offset: await cursor.count('the offset of a tensor', Number.MAX_SAFE_INTEGER) });
  }
  const dataStart = align(cursor.offset, alignment);
  let expected: number | undefined = 0;
  return entries.map(({ name, type, shape, offset }, i) => {
    if (expected !== undefined && offset !== expected) {
      throw cursor.malformed(`the tensor ${JSON.stringify(name)} is not where it should be`, `offset ${expected}`, `offset ${offset}`);
    }
    const size = ggmlBytes(type, shape);
    const start = dataStart + offset;
    const end = size === undefined ? dataStart + (entries[i + 1]?.offset ?? fileSize - dataStart) : start + size;
    if (end < start || end > fileSize) {
      throw cursor.malformed(`the tensor ${JSON.stringify(name)} is not within the file`, `at most ${fileSize} bytes`, `${end} bytes`);
    }
    expected = size === undefined ? undefined : align(offset + size, alignment);
    return { name, dtype: ggmlTypeName(type), shape, start, end };
  });
}

function align(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function splitOf(metadata: ReadonlyMap<string, GgufValue>): GgufSplit | undefined {
  const count = metadata.get('split.count');
  const number = metadata.get('split.no');
  if (typeof count !== 'number' || typeof number !== 'number' || count < 2) return undefined;
  const tensors = metadata.get('split.tensors.count');
  return { number, count, tensors: typeof tensors === 'number' ? tensors : undefined };
}
