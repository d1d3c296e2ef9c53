import { isJsonObject, type JsonLimits, type JsonValue, MlsignError, parseJson } from '../core/index.ts';
import { noteTemplate } from './inspect-template.ts';
import type { InspectionPlace } from './inspection-notes.ts';
import { noteKerasObject } from './keras-config.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { OpenFile } from './open-file.ts';
import { scanStrings } from './scan-strings.ts';

const MAX_BYTES = 16 * 1024 * 1024;
const LIMITS: JsonLimits = { maxBytes: MAX_BYTES, maxDepth: 200, maxValues: 2_000_000 };
const MATTERS = /chat_template|auto_map|class_name|__lambda__/;
/** The same where JSON is too big to be parsed; a key can be spelt with escapes. */
const MATTERS_IN_BIG = ['chat_template', 'class_name', '__lambda__', '\\u004', '\\u005', '\\u006', '\\u007'];
const LAMBDA = /"class_name"\s*:\s*"(?:[^"]*>)?(?:Lambda|__lambda__)"/;

/** Notes what JSON can make a loader run: chat templates, code by name (`auto_map`), Keras layers with functions in them. */
export async function inspectJson(file: OpenFile, place: InspectionPlace): Promise<void> {
  if (file.size > MAX_BYTES) return scanStrings(file, MATTERS_IN_BIG, {}, place.notes, () => place.notes.incomplete());
  await oneAtATime(file, async () => noteJson(await file.read(0, file.size), place));
}

/** The same for JSON that is in memory. */
export function noteJson(bytes: Buffer, place: InspectionPlace): void {
  if (!mayMatter(bytes.toString('latin1'))) return;
  const value = parse(bytes, place);
  if (value !== undefined) walk(value, place);
  // What this parser refuses, another takes (NaN, a key twice).
  else noteUnparsed(bytes.toString('utf8'), place);
}

/** All of it counts as the template, and what it makes of classes is not known. */
function noteUnparsed(text: string, place: InspectionPlace): void {
  noteTemplate(text, '', place);
  if (LAMBDA.test(text)) place.notes.part('keras', place.where, 'a Lambda layer holds Python bytecode');
  else if (text.includes('class_name') || /\\u00[4-7]/i.test(text)) place.notes.incomplete();
}

/** Whether there may be anything to note in JSON: a key can be spelt with escapes. */
export function mayMatter(text: string): boolean {
  return MATTERS.test(text) || /\\u00[4-7]/i.test(text);
}

function parse(bytes: Buffer, place: InspectionPlace): JsonValue | undefined {
  try {
    return parseJson(bytes, place.where, LIMITS);
  } catch (error) {
    if (error instanceof MlsignError) return undefined;
    throw error;
  }
}

function walk(value: JsonValue, place: InspectionPlace): void {
  const queue: JsonValue[] = [value];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (isJsonObject(next)) {
      noteObject(next, place);
      queue.push(...Object.values(next).filter((child) => typeof child === 'object' && child !== null));
    } else if (Array.isArray(next)) {
      for (const child of next) if (typeof child === 'object' && child !== null) queue.push(child);
    }
  }
}

function noteObject(object: { readonly [key: string]: JsonValue }, place: InspectionPlace): void {
  const { chat_template: template, auto_map: map } = object;
  if (typeof template === 'string') noteTemplate(template, 'chat_template', place);
  else if (template !== undefined && template !== null) {
    for (const text of stringsOf(template)) noteTemplate(text, 'chat_template', place);
  }
  if (isJsonObject(map)) {
    place.notes.part('python', place.where, 'auto_map names Python classes, which transformers runs only with trust_remote_code', false);
  }
  noteKerasObject(object, place);
}

/** Several templates are a list of names and templates, or an object. */
function stringsOf(value: JsonValue): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((child) => stringsOf(child));
}
