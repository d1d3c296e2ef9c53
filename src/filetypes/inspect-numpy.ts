import { refused } from '../core/index.ts';
import { inspectPickles } from './inspect-pickle.ts';
import type { InspectionPlace } from './inspection-notes.ts';
import type { OpenFile } from './open-file.ts';

const MAX_HEADER_BYTES = 64 * 1024;
const HEADER = /^\{'descr': (.+), 'fortran_order': (?:True|False), 'shape': \(((?:\d{1,15}(?:, ?)?)*)\),? *\} *\n?$/s;
const PLAIN = /^'[<>|=]?(?:([biufcmMSUV])(\d{1,6})(?:\[[\w/]+\])?|\?)'$/;
const MALFORMED = 'numpy-malformed';

/** Reads the header of a NumPy array (numpy/lib/format.py) and, where it holds objects, the pickle that follows. */
export async function inspectNumpy(file: OpenFile, place: InspectionPlace): Promise<void> {
  const { text, dataStart } = await readHeader(file);
  const [, descr = text, shape] = HEADER.exec(text) ?? [];
  if (shape === undefined) {
    place.notes.defect(
      MALFORMED,
      place.where,
      'the header of the NumPy array is malformed',
      "{'descr': …, 'fortran_order': …, 'shape': …}",
    );
  }
  // In a literal of Python any letter can be spelt with escapes.
  if (/O|object|\\/.test(descr)) await inspectPickles(file, 'pickle', place, dataStart);
  else if (shape !== undefined) checkSize(descr, shape, file.size - dataStart, place);
}

async function readHeader(file: OpenFile): Promise<{ text: string; dataStart: number }> {
  const start = await file.read(0, 12);
  const major = start[6] ?? 0;
  if (start.length < 12 || major < 1 || major > 3) throw malformed(file, 'an unknown version', '1 to 3', String(major));
  const lengthBytes = major === 1 ? 2 : 4;
  const length = start.readUIntLE(8, lengthBytes);
  if (length > MAX_HEADER_BYTES) throw malformed(file, 'a header that is too long', `at most ${MAX_HEADER_BYTES} bytes`, `${length} bytes`);
  const dataStart = 8 + lengthBytes + length;
  const header = await file.read(8 + lengthBytes, length);
  if (header.length < length) throw malformed(file, 'less than its header', `${dataStart} bytes`, `${file.size} bytes`);
  return { text: header.toString(major === 3 ? 'utf8' : 'latin1'), dataStart };
}

/** Arrays of records are not counted; several plain arrays may follow one another in one file. */
function checkSize(descr: string, shape: string, size: number, place: InspectionPlace): void {
  const match = PLAIN.exec(descr);
  if (match === null || size < 0) return;
  const [, kind, count = '1'] = match;
  const dimensions = shape.split(',').filter((part) => part.trim() !== '');
  const bytes = dimensions.reduce((product, dimension) => product * Number(dimension), Number(count) * (kind === 'U' ? 4 : 1));
  if (size < bytes)
    place.notes.defect(MALFORMED, place.where, 'the NumPy array ends before its data do', `${bytes} bytes`, `${size} bytes`);
  else if (size > bytes) place.notes.defect(MALFORMED, place.where, 'bytes follow the NumPy array', `${bytes} bytes`, `${size} bytes`);
}

function malformed(file: OpenFile, what: string, expected: string, got: string) {
  return refused(MALFORMED, `the NumPy array has ${what}`, { subject: file.path, expected, got });
}
