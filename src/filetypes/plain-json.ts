import { isUtf8 } from 'node:buffer';
import { mayMatter } from './inspect-json.ts';
import { formatByMagic } from './magic.ts';

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
/** What text has not, and what stands in notebooks and tokenizers. */
const NOT_PLAIN = /[\0-\x08\x0e-\x1f]|"cell_type"|"added_tokens"/;

/**
 * Whether all the bytes of a file are JSON that nothing runs, as in the many small files that some models have: text from end
 * to end, which therefore is no container, with a first byte that no pickle has. `inspectContent` would find no more; what this
 * does not recognise is for it.
 *
 * @param bytes the whole file
 */
export function isPlainJson(name: string, bytes: Buffer): boolean {
  const [first] = bytes;
  if (!name.endsWith('.json') || (first !== OPEN_BRACE && first !== OPEN_BRACKET)) return false;
  if (formatByMagic(bytes) !== undefined || !isUtf8(bytes)) return false;
  const text = bytes.toString('latin1');
  return !NOT_PLAIN.test(text) && !mayMatter(text);
}
