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
export async function inspectUnknown(file: OpenFile, place: InspectionPlace): Promise<void> {
  const { notes, where } = place;
  await inspectYaml(file, place);
  if (JSON_NAME.test(file.path)) await inspectJson(file, place);
  if ((YAML.test(file.path) || JSON_NAME.test(file.path)) && isWideText(await file.read(0, 4))) {
    notes.defect('text-malformed', where, 'it is text in UTF-16 or UTF-32, which some readers take', 'UTF-8', 'another encoding');
  }
  if (!/(?:^|\/)keras_metadata\.pb$/i.test(file.path)) return;
  await scanStrings(file, ['Lambda', '__lambda__', '\\u00'], {}, notes, () => {
    notes.part('keras', where, 'a Lambda layer holds Python bytecode');
  });
}

/** Whether bytes begin like text of two or four bytes a character: with its mark, or as JSON must (RFC 4627, section 3). */
function isWideText(head: Buffer): boolean {
  if (/^(?:\xfe\xff|\xff\xfe)/.test(head.toString('latin1'))) return true;
  const [a = 0, b = 0, c = 0, d = 0] = head;
  const isAscii = (...bytes: readonly number[]) => bytes.every((byte) => byte > 0x08 && byte < 0x7f);
  const isZero = (...bytes: readonly number[]) => bytes.every((byte) => byte === 0);
  return (
    (isZero(a, c) && isAscii(b, d)) || (isZero(b, d) && isAscii(a, c)) || (isZero(a, b, c) && isAscii(d)) || (isZero(b, c, d) && isAscii(a))
  );
}
