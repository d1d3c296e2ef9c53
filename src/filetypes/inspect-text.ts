import { noteOperationsInText } from './inspect-graph.ts';
import { inspectJson } from './inspect-json.ts';
import type { InspectionPlace } from './inspection-notes.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { OpenFile } from './open-file.ts';
import { scanStrings } from './scan-strings.ts';

const MAX_BYTES = 16 * 1024 * 1024;
const YAML = /\.ya?ml$/i;
const JSON_NAME = /\.json$/i;

/** Inspects text: what JSON holds that our parser refuses and others take (NaN), what YAML tags make, a graph that is written out. */
export async function inspectText(file: OpenFile, place: InspectionPlace): Promise<void> {
  await inspectYaml(file, place);
  if (JSON_NAME.test(file.path) || /^\s*[{[]/.test((await file.read(0, 4096)).toString('utf8'))) await inspectJson(file, place);
  if (!/(?:^|\/)saved_model\.pbtxt$/i.test(file.path)) return;
  if (file.size > MAX_BYTES) place.notes.incomplete();
  await oneAtATime(file, async () => noteOperationsInText((await file.read(0, MAX_BYTES)).toString('latin1'), place));
}

/** Notes the tags of YAML that name Python objects. JSON is YAML too, as far as names say. */
export async function inspectYaml(file: OpenFile, { notes, where }: InspectionPlace): Promise<void> {
  if (!YAML.test(file.path)) return;
  if (file.size > MAX_BYTES) notes.incomplete();
  // Tags can be spelt with escapes, and shortened by directives: no other tag needs either.
  const hasTags = (text: string) => /![^\s!]{0,100}(?:python\/|%[0-9a-f]{2})|%TAG\b/i.test(text);
  if (await oneAtATime(file, async () => hasTags((await file.read(0, MAX_BYTES)).toString('latin1'))))
    notes.part('python', where, 'its YAML tags name Python objects, which an unsafe loader makes');
}

/** Inspects what is of no known format by the name under which a loader knows it. */
export async function inspectUnknown(file: OpenFile, { notes, where }: InspectionPlace): Promise<void> {
  if (YAML.test(file.path) || JSON_NAME.test(file.path)) {
    notes.defect('text-malformed', where, 'it is no text in UTF-8, and some readers take other encodings', 'UTF-8', 'other bytes');
  }
  if (!/(?:^|\/)keras_metadata\.pb$/i.test(file.path)) return;
  await scanStrings(file, ['Lambda', '__lambda__', '\\u00'], {}, notes, () => {
    notes.part('keras', where, 'a Lambda layer holds Python bytecode');
  });
}
