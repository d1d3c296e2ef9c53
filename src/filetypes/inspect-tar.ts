import { refused } from '../core/index.ts';
import { fileRange } from './file-parts.ts';
import { type InspectionPlace, placeIn } from './inspection-notes.ts';
import type { OpenFile } from './open-file.ts';

const BLOCK = 512;
const MALFORMED = 'tar-malformed';

/** Inspects the members of a tar file (POSIX ustar, pax and GNU): NeMo and old PyTorch checkpoints are such. */
export async function inspectTar(file: OpenFile, place: InspectionPlace): Promise<void> {
  const { notes } = place;
  for (let at = 0; ; ) {
    const header = await file.read(at, BLOCK);
    if (header.length === 0) return;
    if (header.every((byte) => byte === 0)) return checkEnd(file, at, place);
    const size = header.length < BLOCK ? undefined : octal(header.subarray(124, 136));
    if (size === undefined || checksum(header) !== octal(header.subarray(148, 156))) {
      notes.incomplete();
      throw refused(MALFORMED, 'the tar file is malformed', { subject: file.path, expected: 'a header', got: `other bytes at ${at}` });
    }
    notes.spend('members', 1);
    const type = String.fromCharCode(header[156] ?? 0);
    const start = at + BLOCK;
    // A pax record can give the next member another size; only then are readers of one mind about where members begin.
    if ((type === 'x' || type === 'g') && /\bsize=/.test((await file.read(start, Math.min(size, BLOCK * 128))).toString('latin1')))
      notes.incomplete();
    if (type === '0' || type === '\0' || type === '7') {
      const name = textOf(header.subarray(0, 100));
      const inside = placeIn(place, name);
      await notes.attempt(inside.where, () => place.inspect(fileRange(file, name, start, size), inside));
    } else if (type === 'S') notes.incomplete();
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
}

/** Behind two empty blocks nobody reads on; behind one some do. */
async function checkEnd(file: OpenFile, at: number, { notes, where }: InspectionPlace): Promise<void> {
  const next = await file.read(at + BLOCK, BLOCK);
  if (next.every((byte) => byte === 0)) return;
  notes.incomplete();
  notes.defect(MALFORMED, where, 'the tar file goes on behind an empty block', 'two empty blocks at its end', `one, at ${at}`);
}

function textOf(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end === -1 ? field.length : end);
}

function octal(field: Buffer): number | undefined {
  const [, digits] = /^[ \0]*([0-7]+)[ \0]*$/.exec(field.toString('latin1')) ?? [];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

function checksum(header: Buffer): number {
  let sum = 8 * 0x20;
  for (const [i, byte] of header.entries()) if (i < 148 || i >= 156) sum += byte;
  return sum;
}
