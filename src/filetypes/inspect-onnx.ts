import { ByteWindow } from './byte-window.ts';
import type { InspectionPlace } from './inspection-notes.ts';
import type { OpenFile } from './open-file.ts';

/** The fields of `ModelProto` (onnx.proto) that lead to names: graphs and functions, nodes and tensors in them. */
const MODEL = { graph: 7, operatorSet: 8, functions: 25 };
const FUNCTION_NODE = 7;
const EXTERNAL_DATA = 13;
/** Domains of operators that onnxruntime brings itself. */
const KNOWN_DOMAINS =
  /^(?:|ai\.onnx(?:\.ml|\.training|\.preview\.training)?|com\.microsoft(?:\..*)?|org\.pytorch\.aten|pkg\.onnxscript.*)$/;
const MAX_FIELDS = 5_000_000;
const MAX_NAME_BYTES = 4096;
const MALFORMED = 'onnx-malformed';

interface Field {
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Notes what an ONNX model takes from elsewhere: data outside its folder (`TensorProto.external_data`), operators that a
 * native library must bring. The weights are gone past unread.
 */
export async function inspectOnnx(file: OpenFile, place: InspectionPlace): Promise<void> {
  const walker = new Walker(file, place);
  await walker.each(0, file.size, async ({ number, start, end }) => {
    if (number === MODEL.graph) await graph(walker, start, end);
    else if (number === MODEL.functions) {
      await walker.each(start, end, async (field) => {
        if (field.number === FUNCTION_NODE) await node(walker, field);
      });
    } else if (number === MODEL.operatorSet) await operatorSet(walker, start, end, place);
  });
}

/** Initializers stand in the graph (5), and as attributes (5: a tensor) of its nodes (1); graphs in attributes are as the graph. */
async function graph(walker: Walker, start: number, end: number): Promise<void> {
  await walker.each(start, end, async (field) => {
    if (field.number === 5) await tensor(walker, field);
    else if (field.number === 1) await node(walker, field);
  });
}

async function node(walker: Walker, { start, end }: Field): Promise<void> {
  await walker.each(start, end, async (attribute) => {
    if (attribute.number !== 5) return;
    await walker.each(attribute.start, attribute.end, async (value) => {
      if (value.number === 5 || value.number === 10) await tensor(walker, value);
      else if (value.number === 6 || value.number === 11) await graph(walker, value.start, value.end);
    });
  });
}

async function tensor(walker: Walker, { start, end }: Field): Promise<void> {
  await walker.each(start, end, async (field) => {
    if (field.number !== EXTERNAL_DATA) return;
    let key = '';
    let value = '';
    await walker.each(field.start, field.end, async (part) => {
      if (part.number === 1) key = await walker.text(part);
      else if (part.number === 2) value = await walker.text(part);
    });
    if (key === 'location') walker.location(value);
  });
}

async function operatorSet(walker: Walker, start: number, end: number, { notes, where }: InspectionPlace): Promise<void> {
  await walker.each(start, end, async (field) => {
    if (field.number !== 1) return;
    const domain = await walker.text(field);
    if (KNOWN_DOMAINS.test(domain)) return;
    notes.part('onnx', where, `it uses operators of ${JSON.stringify(domain.slice(0, 100))}, which a native library must bring`, false);
  });
}

/** Goes through the fields of messages without reading what they hold. */
class Walker {
  readonly #file: OpenFile;
  readonly #place: InspectionPlace;
  readonly #bytes: ByteWindow;
  #fields = 0;
  #depth = 0;

  constructor(file: OpenFile, place: InspectionPlace) {
    this.#file = file;
    this.#place = place;
    this.#bytes = new ByteWindow(file);
  }

  /** Calls with each field that holds bytes. */
  async each(start: number, end: number, use: (field: Field) => Promise<void>): Promise<void> {
    const { notes, where } = this.#place;
    if (++this.#depth > 64) notes.incomplete();
    else {
      for (let at = start; at < end; ) {
        if (++this.#fields > MAX_FIELDS) {
          notes.incomplete();
          break;
        }
        const field = await this.#field(at, end);
        if (field === undefined) {
          notes.defect(MALFORMED, where, 'the ONNX model is malformed', 'a field', `other bytes at ${at}`);
          break;
        }
        at = field.end;
        if (field.start !== field.end) await use(field);
      }
    }
    this.#depth--;
  }

  async text({ start, end }: Field): Promise<string> {
    return (await this.#file.read(start, Math.min(end - start, MAX_NAME_BYTES))).toString('utf8');
  }

  /** A file beside the model is where its weights may be; anything else is none of its own. */
  location(path: string): void {
    const isOutside = /^[/\\]|^[A-Za-z]:|\p{Cc}/u.test(path) || path.split(/[/\\]/).includes('..') || path === '';
    if (!isOutside) return;
    const got = JSON.stringify(path.slice(0, 200));
    this.#place.notes.defect(
      'onnx-external-data',
      this.#place.where,
      'the model takes weights from outside its folder',
      'a path below it',
      got,
    );
  }

  /** A field; of those that hold a number the start and end are one. */
  async #field(at: number, end: number): Promise<Field | undefined> {
    this.#bytes.offset = at;
    await this.#bytes.fill(Math.min(20, end - at));
    const ahead = this.#bytes.ahead.subarray(0, end - at);
    const key = varint(ahead, 0);
    if (key === undefined) return undefined;
    const number = Math.floor(key.value / 8);
    const from = at + key.next;
    switch (key.value % 8) {
      case 0: {
        const value = varint(ahead, key.next);
        return value === undefined ? undefined : { number, start: at + value.next, end: at + value.next };
      }
      case 1:
      case 5: {
        const next = from + (key.value % 8 === 1 ? 8 : 4);
        return next > end ? undefined : { number, start: next, end: next };
      }
      case 2: {
        const length = varint(ahead, key.next);
        if (length === undefined || at + length.next + length.value > end) return undefined;
        return { number, start: at + length.next, end: at + length.next + length.value };
      }
      default:
        return undefined;
    }
  }
}

function varint(bytes: Buffer, start: number): { value: number; next: number } | undefined {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, next: start + i + 1 };
  }
  return undefined;
}
