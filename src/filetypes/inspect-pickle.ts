import type { FileFormat } from './formats.ts';
import type { InspectionPlace } from './inspection-notes.ts';
import type { OpenFile } from './open-file.ts';
import { looksLikePickle } from './pickle.ts';
import { type PickleReading, readPickle } from './pickle-reader.ts';
import { REGISTERED_IMPORT, UNKNOWN_IMPORT } from './pickle-value.ts';

/** torch.load() reads five: magic number, version, system, object, names of the storages. Their bytes follow. */
const LEGACY_TORCH_PICKLES = 5;
const MAX_PICKLES = 1000;
const MALFORMED = 'pickle-malformed';

/** Notes what the pickles of a file ask for, from `start` on; one after another, as loaders read them. */
export async function inspectPickles(file: OpenFile, format: FileFormat, place: InspectionPlace, start = 0): Promise<void> {
  const { notes, where } = place;
  notes.part(format, where, 'unpickling it calls whatever it imports');
  const isLegacyTorch = format === 'pytorch-legacy';
  const most = isLegacyTorch ? LEGACY_TORCH_PICKLES : MAX_PICKLES;
  let offset = start;
  for (let count = 0; count < most; count++) {
    if (count > 0 && offset === file.size && !isLegacyTorch) return;
    const reading = await readPickle(file, offset, 'joblib', notes.signal);
    if (reading.hasArrays) await noteWithoutArrays(file, offset, place);
    if (count > 0 && !isLegacyTorch && !isPickle(reading) && !looksLikePickle(await file.read(offset, 512))) {
      notes.defect('pickle-trailing-bytes', where, 'bytes follow the pickle', `${offset} bytes`, `${file.size} bytes`);
      return;
    }
    for (const found of reading.imports) notes.addImport(found);
    if (reading.hasFailed) notes.defect(MALFORMED, where, 'the pickle takes more from its stack or memo than is there');
    switch (reading.end) {
      case 'limit':
        return notes.incomplete();
      case 'truncated':
        return notes.defect(MALFORMED, where, 'the pickle ends before its STOP', undefined, `${file.size} bytes`);
      case 'broken':
        return notes.defect(MALFORMED, where, 'the pickle has a byte that is no opcode', 'an opcode', `offset ${reading.offset}`);
      case 'stop':
        offset = reading.offset;
    }
  }
  if (!isLegacyTorch && offset < file.size) notes.incomplete();
}

/** An unpickler other than joblib's takes the bytes of an array for opcodes: what it would import counts too. */
async function noteWithoutArrays(file: OpenFile, offset: number, { notes }: InspectionPlace): Promise<void> {
  const { imports, hasCalledUnknown } = await readPickle(file, offset, 'any', notes.signal);
  for (const found of imports) if (found !== UNKNOWN_IMPORT || hasCalledUnknown) notes.addImport(found);
}

/** Whether bytes that do not begin like one are a pickle all the same: an unpickler would call what it imports. */
export async function sniffPickle(file: OpenFile, signal?: AbortSignal): Promise<boolean> {
  const reading = await readPickle(file, 0, 'any', signal);
  // What goes on for so long without a fault is made to be read so: what comes behind the limit is not known.
  return isPickle(reading) || (reading.end === 'limit' && !reading.hasFailed);
}

/** Whether bytes that begin like a pickle are none: with a byte that is no opcode, or an end, before they import anything. */
export async function isNoPickle(file: OpenFile): Promise<boolean> {
  const { end, imports } = await readPickle(file, 0, 'any');
  return (end === 'broken' || end === 'truncated') && imports.length === 0;
}

/** What it imports by number alone does not make bytes a pickle: weights begin so by chance, and hardly a program has numbers. */
function isPickle({ imports, hasCalled, hasFailed, end }: PickleReading): boolean {
  if (imports.every((found) => found === REGISTERED_IMPORT)) return false;
  return hasCalled || (!hasFailed && (end === 'limit' || end === 'stop'));
}
