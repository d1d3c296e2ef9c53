import { readRootAttribute } from './hdf5-attributes.ts';
import { noteJson } from './inspect-json.ts';
import type { InspectionPlace } from './inspection-notes.ts';
import type { OpenFile } from './open-file.ts';
import { scanStrings } from './scan-strings.ts';

const LAMBDA = ['"class_name": "Lambda"', '"class_name":"Lambda"', '"__lambda__"'];
const EDGE_BYTES = 4 * 1024 * 1024;

/** Notes what the configuration of a Keras model in an HDF5 file (`model_config`) makes its loader run. */
export async function inspectHdf5(file: OpenFile, place: InspectionPlace): Promise<void> {
  const { where, notes } = place;
  const config = await readRootAttribute(file, 'model_config');
  if (config !== undefined && config !== null) noteJson(config, place);
  const found = (): void => notes.part('keras', where, 'a Lambda layer holds Python bytecode');
  await scanStrings(file, LAMBDA, { end: Math.min(file.size, EDGE_BYTES) }, notes, found);
  // Where the attributes cannot be read, the ends of the file are all that is looked at.
  if (config !== undefined || file.size <= EDGE_BYTES) return;
  await scanStrings(file, LAMBDA, { start: Math.max(EDGE_BYTES, file.size - EDGE_BYTES) }, notes, found);
  if (file.size > 2 * EDGE_BYTES) notes.incomplete();
}
