import { isUtf8 } from 'node:buffer';
import { detectByHead, HEAD_BYTES } from './detect.ts';
import { codeOfName } from './format-names.ts';
import type { FileFormat } from './formats.ts';
import { mayMatter } from './inspect-json.ts';
import { hasTarChecksum, looksLikeZip } from './magic.ts';
import { mayImport } from './pickle-reader.ts';
import { hasZipEnd } from './zip-directory.ts';

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const MAX_JSON_BYTES = HEAD_BYTES;
/** What text has not, and what stands in notebooks and tokenizers. */
const NOT_PLAIN = /[\0-\x08\x0e-\x1f]|"cell_type"|"added_tokens"/;
/** Names under which a loader looks for more than the bytes say. */
const LOOKED_INTO = /\.(?:ya?ml|json)$|(?:^|[/\\])(?:keras_metadata\.pb|saved_model\.pbtxt)$/i;
/** What nothing is looked for inside. */
const OPAQUE: ReadonlySet<FileFormat> = new Set<FileFormat>(['unknown', 'text', 'markdown', 'image', 'parquet', 'tflite', 'sentencepiece']);

/**
 * What a whole small file is, where a look at its bytes tells that nothing in it can be run: `inspectContent` would say the same,
 * in many times the time. Undefined where a closer look is needed.
 *
 * @param name of the file, or its path
 * @param bytes all of it
 */
export function glance(name: string, bytes: Buffer): FileFormat | undefined {
  if (bytes.length === 0) return 'empty';
  const head = bytes.subarray(0, HEAD_BYTES);
  if (name.endsWith('.json')) return isPlainText(bytes) && detectByHead(head, name, bytes.length) === 'json' ? 'json' : undefined;
  if (LOOKED_INTO.test(name) || codeOfName(name) !== undefined) return undefined;
  if (looksLikeZip(head) || hasTarChecksum(head) || mayImport(bytes) || hasZipEnd(bytes)) return undefined;
  const format = detectByHead(head, name, bytes.length);
  if (format === 'text' && /^\s*[{[]/.test(head.toString('utf8', 0, 4096))) return undefined;
  return OPAQUE.has(format) ? format : undefined;
}

/** Whether bytes could be JSON that nothing runs: text from end to end, which therefore is no container, with a first byte that no pickle has. */
function isPlainText(bytes: Buffer): boolean {
  const [first] = bytes;
  if (bytes.length > MAX_JSON_BYTES || (first !== OPEN_BRACE && first !== OPEN_BRACKET)) return false;
  if (!isUtf8(bytes)) return false;
  const text = bytes.toString('latin1');
  return !NOT_PLAIN.test(text) && !mayMatter(text);
}
