import { throwIfAborted } from '../core/index.ts';
import type { InspectionNotes } from './inspection-notes.ts';
import type { OpenFile } from './open-file.ts';

const STEP_BYTES = 1024 * 1024;

/** Calls `found` with each of the strings (Latin-1) that stand in a part of a file, once each. */
export async function scanStrings(
  file: OpenFile,
  strings: readonly string[],
  { start = 0, end = file.size }: { readonly start?: number; readonly end?: number },
  notes: InspectionNotes,
  found: (string: string) => void,
): Promise<void> {
  const missing = new Set(strings);
  const overlap = Math.max(...strings.map((string) => string.length)) - 1;
  for (let at = start; at < end && missing.size > 0; at += STEP_BYTES) {
    throwIfAborted(notes.signal);
    const bytes = await file.read(at, Math.min(STEP_BYTES + overlap, end - at));
    for (const string of missing) {
      if (!bytes.includes(string, 0, 'latin1')) continue;
      missing.delete(string);
      found(string);
    }
  }
}
