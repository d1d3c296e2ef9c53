import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A tensor to write: `data` defaults to zeros of the length that dtype and shape ask for. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype?: string;
  readonly shape: readonly number[];
  readonly data?: Uint8Array;
}

const BITS: Readonly<Record<string, number>> = {
  F64: 64,
  I64: 64,
  U64: 64,
  C64: 64,
  F32: 32,
  I32: 32,
  U32: 32,
  F16: 16,
  BF16: 16,
  I16: 16,
  U16: 16,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
};

/** The bytes of a safetensors file that holds these tensors in this order. */
export function writeSafetensors(tensors: readonly TensorToWrite[], metadata?: Readonly<Record<string, string>>): Uint8Array {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  const chunks: Uint8Array[] = [];
  let offset = 0;
  for (const { name, dtype = 'F32', shape, data } of tensors) {
    const bits = shape.reduce((product, dimension) => product * dimension, BITS[dtype] ?? 8);
    const bytes = data ?? new Uint8Array(bits / 8);
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    chunks.push(bytes);
    offset += bytes.length;
  }
  return rawSafetensors(JSON.stringify(header), Buffer.concat(chunks));
}

/** A safetensors file with any text as its header, padded to eight bytes as real writers do. */
export function rawSafetensors(header: string | Uint8Array, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = Buffer.from(header);
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, data]);
}

/** A value of GGUF metadata, by the format's own type names. */
export type GgufToWrite =
  | { readonly type: 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'float32' | 'float64'; readonly value: number }
  | { readonly type: 'uint64' | 'int64'; readonly value: number | bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'array'; readonly value: readonly GgufToWrite[] };

const GGUF_TYPE = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

/** A tensor of a GGUF file; `ggmlType` 0 is F32, `data` defaults to zeros of four bytes an element. */
export interface GgufTensorToWrite {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly ggmlType?: number;
  readonly data?: Uint8Array;
}

/** The bytes of a GGUF file (version 3, little endian unless asked otherwise). */
export function writeGguf(
  metadata: Readonly<Record<string, GgufToWrite>>,
  tensors: readonly GgufTensorToWrite[],
  options: { readonly version?: number; readonly bigEndian?: boolean; readonly alignment?: number } = {},
): Uint8Array {
  const { version = 3, bigEndian = false, alignment = 32 } = options;
  const number = (bytes: 1 | 2 | 4 | 8, value: number | bigint): Uint8Array => {
    const out = Buffer.alloc(8);
    out.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)));
    const used = out.subarray(0, bytes);
    return bigEndian ? used.reverse() : used;
  };
  const string = (text: string): Uint8Array => Buffer.concat([number(8, Buffer.byteLength(text)), Buffer.from(text)]);
  const value = (item: GgufToWrite): Uint8Array => {
    switch (item.type) {
      case 'uint8':
      case 'int8':
        return number(1, item.value);
      case 'uint16':
      case 'int16':
        return number(2, item.value);
      case 'uint32':
      case 'int32':
        return number(4, item.value);
      case 'uint64':
      case 'int64':
        return number(8, item.value);
      case 'bool':
        return number(1, item.value ? 1 : 0);
      case 'string':
        return string(item.value);
      case 'float32': {
        const out = Buffer.alloc(4);
        out.writeFloatLE(item.value);
        return bigEndian ? out.reverse() : out;
      }
      case 'float64': {
        const out = Buffer.alloc(8);
        out.writeDoubleLE(item.value);
        return bigEndian ? out.reverse() : out;
      }
      case 'array':
        return Buffer.concat([
          number(4, GGUF_TYPE[item.value[0]?.type ?? 'uint8']),
          number(8, item.value.length),
          ...item.value.map(value),
        ]);
    }
  };
  const parts: Uint8Array[] = [Buffer.from('GGUF'), number(4, version), number(8, tensors.length), number(8, Object.keys(metadata).length)];
  for (const [key, item] of Object.entries(metadata)) parts.push(string(key), number(4, GGUF_TYPE[item.type]), value(item));
  const padding = (length: number): Uint8Array => Buffer.alloc((alignment - (length % alignment)) % alignment);
  const data: Uint8Array[] = [];
  let offset = 0;
  for (const tensor of tensors) {
    const bytes = tensor.data ?? new Uint8Array(tensor.dimensions.reduce((product, dimension) => product * dimension, 4));
    parts.push(string(tensor.name), number(4, tensor.dimensions.length));
    for (const dimension of tensor.dimensions) parts.push(number(8, dimension));
    parts.push(number(4, tensor.ggmlType ?? 0), number(8, offset));
    const padded = Buffer.concat([bytes, padding(bytes.length)]);
    data.push(padded);
    offset += padded.length;
  }
  const head = Buffer.concat(parts);
  return Buffer.concat([head, padding(head.length), ...data]);
}

/** Little-endian 32-bit floats as bytes, for tensors whose values a test cares about. */
export function float32(...values: readonly number[]): Uint8Array {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => {
    out.writeFloatLE(value, i * 4);
  });
  return out;
}

/** Writes a tree: relative paths with `/` to content; objects are written as JSON. Returns the directory. */
export async function makeModelDirectory(
  directory: string,
  files: Readonly<Record<string, string | Uint8Array | object>>,
): Promise<string> {
  await mkdir(directory, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, ...name.split('/'));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, typeof content === 'string' || content instanceof Uint8Array ? content : `${JSON.stringify(content, null, 2)}\n`);
  }
  return directory;
}

/** A small model as the Hugging Face tools lay it out: configuration, tokenizer, card and one safetensors file. */
export function smallModel(): Readonly<Record<string, string | Uint8Array | object>> {
  return {
    'README.md': '---\nlicense: apache-2.0\n---\n# A small model\n',
    'config.json': { architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: 4 },
    'model.safetensors': writeSafetensors(
      [
        { name: 'model.embed_tokens.weight', shape: [3, 4], data: float32(...Array.from({ length: 12 }, (_, i) => i / 8)) },
        { name: 'lm_head.weight', shape: [2, 4], data: float32(...Array.from({ length: 8 }, (_, i) => -i / 8)) },
      ],
      { format: 'pt' },
    ),
    'tokenizer.json': {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: [],
      model: { type: 'BPE', vocab: { a: 0 }, merges: [] },
    },
  };
}
