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

/** Notes the same operations where the graph is written as text (`saved_model.pbtxt`), which TensorFlow reads too. */
export function noteOperationsInText(text: string, { where, notes }: InspectionPlace): void {
  for (const name of OPERATIONS) {
    if (text.includes(name)) notes.part('saved-model', where, `its graph has the operation ${name}`);
  }
  // A name can be spelt with escapes, or in pieces.
  if (/\bop\s*:?\s*(?:"[^"\n]*\\|'[^'\n]*\\|(?:"[^"]*"|'[^']*')\s*["'])/.test(text)) notes.incomplete();
}

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
