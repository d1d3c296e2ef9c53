import type { InspectionPlace } from './inspection-notes.ts';
import type { OpenFile } from './open-file.ts';
import { scanStrings } from './scan-strings.ts';

/** Operations of TensorFlow that leave the graph: files, Python, other libraries. */
const OPERATIONS = [
  'ReadFile',
  'WriteFile',
  'MatchingFiles',
  'PyFunc',
  'PyFuncStateless',
  'EagerPyFunc',
  'DebugIdentityV2',
  'DebugIdentityV3',
  'DebugNumericSummaryV2',
];
const MAX_BYTES = 64 * 1024 * 1024;

/** Notes operations of a SavedModel that read or write files, or call Python. The names stand in `NodeDef.op`, field 2. */
export async function inspectSavedModel(file: OpenFile, { where, notes }: InspectionPlace): Promise<void> {
  if (file.size > MAX_BYTES) notes.incomplete();
  const operations = new Map(OPERATIONS.map((name) => [`\x12${String.fromCharCode(name.length)}${name}`, name]));
  await scanStrings(file, [...operations.keys()], { end: Math.min(file.size, MAX_BYTES) }, notes, (found) => {
    notes.part('saved-model', where, `its graph has the operation ${operations.get(found)}`);
  });
  await scanStrings(file, ['"class_name": "Lambda"'], { end: Math.min(file.size, MAX_BYTES) }, notes, () => {
    notes.part('keras', where, 'a Lambda layer holds Python bytecode');
  });
}
