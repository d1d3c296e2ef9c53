import { Decoder, type JsonLimits, type JsonValue, jsonEntries, MlsignError, parseJson, refused } from '../core/index.ts';
import { type OpenFile, withFile } from './open-file.ts';
import type { TensorInfo } from './tensor.ts';

/** The longest header that the format allows, in bytes. */
export const MAX_SAFETENSORS_HEADER_BYTES = 100_000_000;

/** How every writer puts a tensor: read without a parse, which takes nine tenths of the time of a large header. */
const USUAL =
  /^\{"dtype":"(\w{1,16})","shape":\[((?:(?:0|[1-9]\d{0,14}),?){0,8})\],"data_offsets":\[(0|[1-9]\d{0,14}),(0|[1-9]\d{0,14})\]\}$/;
const USUAL_NAME = /^"[ !#-[\]-~]*"$/;
const MALFORMED = 'safetensors-malformed';
const METADATA = '__metadata__';
/** The largest models have a hundred thousand, in all their files together. */
const MAX_TENSORS = 200_000;
const ENTRY_LIMITS: JsonLimits = { maxBytes: 64 * 1024, maxDepth: 2, maxValues: 100 };
const METADATA_LIMITS: JsonLimits = { maxBytes: 16 * 1024 * 1024, maxDepth: 1, maxValues: 100_000 };
/** A hostile header may be wrong in every tensor; the first ones say enough. */
const MAX_PROBLEMS = 100;
const DTYPE_BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;
type Dtype = keyof typeof DTYPE_BITS;
const DTYPES = Object.keys(DTYPE_BITS) as [Dtype, ...Dtype[]];

/** What a safetensors file says of itself. */
export interface SafetensorsHeader {
  /** In the order of their bytes. */
  readonly tensors: readonly TensorInfo[];
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads the header of a safetensors file as strictly as the format defines it: known dtypes, as many bytes as shape and
 * dtype ask for, and tensors that cover the rest of the file without holes or overlap.
 *
 * @throws MlsignError `safetensors-malformed`, and what `fileError` gives
 */
export function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  return withFile(path, readSafetensorsFile);
}

/** `readSafetensorsHeader` for a file that is open. */
export async function readSafetensorsFile(file: OpenFile): Promise<SafetensorsHeader> {
  const prefix = await file.read(0, 8);
  if (prefix.length < 8) throw malformed(file, 'it ends within its first eight bytes', 'at least 8 bytes', `${prefix.length} bytes`);
  const length = prefix.readBigUInt64LE();
  if (length > MAX_SAFETENSORS_HEADER_BYTES) {
    throw malformed(file, 'its header is too long', `at most ${MAX_SAFETENSORS_HEADER_BYTES} bytes`, `${length} bytes`);
  }
  const json = await file.read(8, Number(length));
  if (json.length < Number(length)) {
    throw malformed(file, 'it ends within its header', `a header of ${length} bytes`, `${json.length} bytes`);
  }
  if (json[0] !== 0x7b) throw malformed(file, 'its header does not begin with "{"', 'a JSON object');
  return decodeHeader(json, file);
}

function decodeHeader(json: Buffer, file: OpenFile): SafetensorsHeader {
  const dataStart = 8 + json.length;
  const decoder = new Decoder();
  const tensors: TensorInfo[] = [];
  const names = new Set<string>();
  let metadata: Readonly<Record<string, string>> = {};
  const wrongAt = (expected: string, at: number) => malformed(file, `its header is not JSON: wrong at byte ${at}`, expected);
  for (const entry of jsonEntries(json, 1, wrongAt)) {
    const name = usualName(entry.name) ?? parseEntry(entry.name, ENTRY_LIMITS, file);
    if (typeof name !== 'string') throw malformed(file, 'its header has a key that is no string');
    if (names.has(name)) throw malformed(file, 'the same name stands twice in its header', 'unique names', JSON.stringify(name));
    names.add(name);
    if (name === METADATA) metadata = decodeMetadata(decoder, parseEntry(entry.value, METADATA_LIMITS, file));
    else {
      const usual = usualTensor(name, entry.value, dataStart);
      tensors.push(usual ?? decodeTensor(decoder, name, parseEntry(entry.value, ENTRY_LIMITS, file), dataStart));
    }
    if (decoder.problems.length >= MAX_PROBLEMS) break;
    if (tensors.length > MAX_TENSORS) throw malformed(file, 'it has more tensors than mlsign reads', `at most ${MAX_TENSORS}`, 'more');
  }
  decoder.finish(MALFORMED, 'safetensors header', file.path);
  tensors.sort((a, b) => a.start - b.start || a.end - b.end);
  checkTiling(tensors, dataStart, file);
  return { tensors, metadata };
}

function usualName(json: Buffer): string | undefined {
  const text = json.toString('latin1');
  return USUAL_NAME.test(text) ? json.toString('latin1', 1, json.length - 1) : undefined;
}

/** A tensor as it is usually written; undefined where it is written, or is, otherwise. */
function usualTensor(name: string, json: Buffer, dataStart: number): TensorInfo | undefined {
  if (json.length > 400) return undefined;
  const [, named, dimensions, from, to] = USUAL.exec(json.toString('latin1')) ?? [];
  const dtype = DTYPES.find((known) => known === named);
  if (dtype === undefined || dimensions === undefined || dimensions.endsWith(',')) return undefined;
  const shape = dimensions === '' ? [] : dimensions.split(',').map(Number);
  const [start, end] = [Number(from), Number(to)];
  const bits = bitsOf(dtype, shape);
  return Number.isSafeInteger(bits) && end - start === bits / 8
    ? { name, dtype, shape, start: dataStart + start, end: dataStart + end }
    : undefined;
}

function bitsOf(dtype: Dtype, shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, DTYPE_BITS[dtype]);
}

function parseEntry(json: Buffer, limits: JsonLimits, file: OpenFile): JsonValue {
  try {
    return parseJson(json, file.path, limits);
  } catch (error) {
    if (!(error instanceof MlsignError)) throw error;
    throw malformed(file, `in its header, ${error.message}`, error.expected, error.got, error);
  }
}

function decodeMetadata(decoder: Decoder, value: JsonValue): Readonly<Record<string, string>> {
  const fields = decoder.object(value, METADATA);
  const metadata: Record<string, string> = Object.create(null);
  for (const key of fields.keys()) {
    const text = fields.raw(key);
    if (typeof text === 'string') metadata[key] = text;
    else decoder.problem(fields.at(key), 'a string', text);
  }
  return metadata;
}

function decodeTensor(decoder: Decoder, name: string, value: JsonValue, dataStart: number): TensorInfo {
  const fields = decoder.object(value, JSON.stringify(name));
  const dtype = fields.oneOf('dtype', DTYPES);
  const shape = integers(decoder, fields.at('shape'), fields.array('shape', 0, 64));
  const [start = 0, end = 0] = integers(decoder, fields.at('data_offsets'), fields.array('data_offsets', 2, 2));
  const bits = bitsOf(dtype, shape);
  if (decoder.problems.length === 0 && (!Number.isSafeInteger(bits) || end - start !== bits / 8)) {
    decoder.problem(fields.at('data_offsets'), `${bits / 8} bytes for ${dtype} [${shape.join(', ')}]`, `${end - start} bytes`);
  }
  fields.done();
  return { name, dtype, shape, start: dataStart + start, end: dataStart + end };
}

function integers(decoder: Decoder, path: string, values: readonly JsonValue[]): readonly number[] {
  return values.map((value, i) => decoder.integer(value, `${path}[${i}]`, 0));
}

/** Bytes that belong to no tensor, or to two, are where a file can hide something: the format forbids both. */
function checkTiling(tensors: readonly TensorInfo[], dataStart: number, file: OpenFile): void {
  let at = dataStart;
  for (const { name, start, end } of tensors) {
    if (start !== at) {
      const what = start > at ? 'belong to no tensor' : 'belong to two tensors';
      throw malformed(
        file,
        `bytes before or in ${JSON.stringify(name)} ${what}`,
        `offset ${at - dataStart}`,
        `offset ${start - dataStart}`,
      );
    }
    at = end;
  }
  if (at !== file.size) {
    const what = at > file.size ? 'it ends within its tensors' : 'it has bytes after its last tensor';
    throw malformed(file, what, `${at} bytes`, `${file.size} bytes`);
  }
}

function malformed(file: OpenFile, reason: string, expected?: string, got?: string, cause?: unknown): MlsignError {
  const details = { subject: file.path, expected, got };
  return refused(MALFORMED, `the safetensors file is malformed: ${reason}`, cause === undefined ? details : { ...details, cause });
}

/**
 * Whether bytes begin like a safetensors file: a header length within the format's limit, and a JSON object, which must end there
 * unless the name says so: numbers in a row begin like that, too.
 */
export function looksLikeSafetensors(head: Buffer, path: string, size: number): boolean {
  if (head.length < 10 || head[8] !== 0x7b || !/^[\s"}]$/.test(String.fromCharCode(head[9] ?? 0))) return false;
  const length = head.readBigUInt64LE();
  if (length > MAX_SAFETENSORS_HEADER_BYTES) return false;
  const end = 8 + Number(length);
  if (path.toLowerCase().endsWith('.safetensors')) return true;
  return end <= size && (end > head.length || /^[\s}]$/.test(String.fromCharCode(head[end - 1] ?? 0)));
}
