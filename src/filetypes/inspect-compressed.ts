import { type Deflation, InflatedFile } from './inflated-file.ts';
import { type InspectionPlace, placeIn } from './inspection-notes.ts';
import { looksLikeTar } from './magic.ts';
import type { OpenFile } from './open-file.ts';

const TRAILING = 'compressed-trailing-bytes';
const STEP_BYTES = 256 * 1024;

/** Inspects what gzip or zlib hold: joblib writes pickles so. Other compressions are not read. */
export async function inspectCompressed(file: OpenFile, place: InspectionPlace): Promise<void> {
  const head = await file.read(0, 2);
  const deflation: Deflation | undefined = head[0] === 0x1f ? 'gzip' : head[0] === 0x78 ? 'zlib' : undefined;
  if (deflation === undefined) return place.notes.incomplete();
  const { notes, where } = place;
  const endless = new InflatedFile(file, Number.MAX_SAFE_INTEGER, deflation, place.notes);
  try {
    // A tar says itself where it ends; of all else the length is needed.
    const isTar = looksLikeTar(await endless.read(0, 512));
    const content = isTar ? endless : new InflatedFile(file, await lengthOf(endless), deflation, place.notes);
    try {
      const inside = placeIn(place, 'content');
      await place.inspect(content, inside);
    } finally {
      content.close();
    }
  } finally {
    // joblib, and Python's gzip behind zeros, go on with the next stream.
    if (endless.unread > 0) notes.defect(TRAILING, where, 'bytes follow the compressed data', 'nothing', `${endless.unread} bytes`);
    endless.close();
  }
}

async function lengthOf(file: OpenFile): Promise<number> {
  const buffer = Buffer.alloc(STEP_BYTES);
  let length = 0;
  for (;;) {
    const got = await file.readInto(buffer, length);
    length += got;
    if (got < buffer.length) return length;
  }
}
