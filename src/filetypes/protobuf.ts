/** One field at the top of a protobuf message, as far as its first bytes show. */
interface Field {
  readonly number: number;
  readonly wireType: number;
  /** A varint's value, or the length of bytes; 0 for fixed-size numbers. */
  readonly value: number;
  /** Offset of the field's content. */
  readonly at: number;
}

/** The fields of a message that begin within `bytes`, or undefined where they are no protobuf. */
function readFields(bytes: Buffer, start: number, end: number, maxFields: number): readonly Field[] | undefined {
  const fields: Field[] = [];
  let at = start;
  while (at < end && at < bytes.length && fields.length < maxFields) {
    const key = readVarint(bytes, at);
    if (key === undefined) return fields.length > 0 && bytes.length - at < 10 ? fields : undefined;
    const number = Math.floor(key.value / 8);
    const wireType = key.value % 8;
    at = key.next;
    if (number === 0) return undefined;
    if (wireType === 1 || wireType === 5) {
      fields.push({ number, wireType, value: 0, at });
      at += wireType === 1 ? 8 : 4;
    } else if (wireType === 0 || wireType === 2) {
      const value = readVarint(bytes, at);
      if (value === undefined) return fields.length > 0 && bytes.length - at < 10 ? fields : undefined;
      fields.push({ number, wireType, value: value.value, at: value.next });
      at = value.next + (wireType === 2 ? value.value : 0);
    } else {
      return undefined;
    }
    if (at > end) return undefined;
  }
  return fields;
}

function readVarint(bytes: Buffer, start: number): { value: number; next: number } | undefined {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, next: start + i + 1 };
  }
  return undefined;
}

const ONNX_WIRE_TYPES: Readonly<Record<number, number>> = { 1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2 };
const MAX_ONNX_IR_VERSION = 64;

/** Whether a file of `size` bytes begins like an ONNX `ModelProto`: `ir_version` and a graph or an operator set. */
export function looksLikeOnnx(head: Buffer, size: number): boolean {
  const fields = readFields(head, 0, size, 64);
  if (fields === undefined || fields.some(({ number, wireType }) => ONNX_WIRE_TYPES[number] !== wireType)) return false;
  const version = fields.find(({ number }) => number === 1);
  if (version === undefined || version.value < 1 || version.value > MAX_ONNX_IR_VERSION) return false;
  return fields.some(({ number }) => number === 7 || number === 8);
}

/** Whether a file of `size` bytes begins like a TensorFlow `SavedModel`: the version of its schema, then graphs. */
export function looksLikeSavedModel(head: Buffer, size: number): boolean {
  const [version, ...graphs] = readFields(head, 0, size, 64) ?? [];
  if (version?.number !== 1 || version.wireType !== 0 || version.value !== 1 || graphs.length === 0) return false;
  return graphs.every(({ number, wireType }) => number === 2 && wireType === 2);
}

/** Whether a file of `size` bytes begins like a SentencePiece `ModelProto`: pieces, each a string, a score and maybe a type. */
export function looksLikeSentencePiece(head: Buffer, size: number): boolean {
  const pieces = readFields(head, 0, size, 4);
  if (pieces === undefined || pieces.length < 2) return false;
  return pieces.every(({ number, wireType, value, at }) => {
    if (number !== 1 || wireType !== 2) return false;
    const fields = readFields(head, at, at + value, 4);
    return fields?.[0]?.number === 1 && fields[0].wireType === 2 && fields[1]?.number === 2 && fields[1].wireType === 5;
  });
}
