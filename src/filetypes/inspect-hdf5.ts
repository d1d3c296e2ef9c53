import type { InspectionPlace } from './inspection-notes.ts';
import type { OpenFile } from './open-file.ts';
import { scanStrings } from './scan-strings.ts';

const LAMBDA = ['"class_name": "Lambda"', '"class_name":"Lambda"', '"__lambda__"'];
/** Keras writes the configuration before the weights, or after them. */
const EDGE_BYTES = 8 * 1024 * 1024;

/** Looks for a configuration with functions in it (`model_config`) in an HDF5 file. */
export async function inspectHdf5(file: OpenFile, { where, notes }: InspectionPlace): Promise<void> {
  const found = (): void => notes.part('keras', where, 'a Lambda layer holds Python bytecode');
  await scanStrings(file, LAMBDA, { end: Math.min(file.size, EDGE_BYTES) }, notes, found);
  if (file.size > EDGE_BYTES) await scanStrings(file, LAMBDA, { start: Math.max(EDGE_BYTES, file.size - EDGE_BYTES) }, notes, found);
  if (file.size > 2 * EDGE_BYTES) notes.incomplete();
}
