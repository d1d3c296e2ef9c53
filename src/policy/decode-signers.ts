import type { Decoder, Fields, JsonValue } from '../core/index.ts';
import { MAX_ENTRIES, refuseDuplicates } from './decode-fields.ts';
import type { SignedByEntry } from './document.ts';

/** What principals and roles are called. */
export const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
export const NAME_WORDS = 'a name of letters, digits, "-" and "_"';
const SOME_OF = /^(0|[1-9]\d{0,5}) of \[([^[\]]*)\]$/;

/** Reads who must have signed a model: one requirement, or a list of them. */
export function decodeSignedBy(decoder: Decoder, fields: Fields): readonly SignedByEntry[] {
  if (!fields.present) return [];
  const path = fields.at('signed-by');
  const value = fields.raw('signed-by');
  if (!Array.isArray(value)) return decodeRequirement(decoder, value, path, SIGNERS);
  const entries = decoder
    .array(value, path, 1, MAX_ENTRIES)
    .flatMap((entry, index) => decodeRequirement(decoder, entry, `${path}[${index}]`, SIGNERS));
  refuseDuplicates(
    decoder,
    entries.map(({ text }) => text),
    path,
  );
  return entries;
}

/** Reads who may sign a document of one signature: a list would ask for several, and is refused with every higher threshold. */
export function decodeOneSigner(decoder: Decoder, fields: Fields, name: string): SignedByEntry | undefined {
  if (!fields.has(name)) return undefined;
  const [entry] = decodeRequirement(decoder, fields.raw(name), fields.at(name), ONE_SIGNER);
  if (entry !== undefined && entry.threshold > 1) decoder.problem(fields.at(name), '1 signer: it has one signature', entry.text);
  return entry;
}

const SIGNERS = 'a principal, a role, or "2 of [name, name]"';
const ONE_SIGNER = 'a principal, a role, or "1 of [name, name]"';

function decodeRequirement(decoder: Decoder, value: JsonValue | undefined, path: string, expected: string): readonly SignedByEntry[] {
  if (typeof value !== 'string') {
    decoder.problem(path, expected, value);
    return [];
  }
  if (NAME.test(value)) return [{ path, text: value, threshold: 1, names: [value] }];
  const [, count, list] = SOME_OF.exec(value) ?? [];
  if (list === undefined) {
    decoder.problem(path, expected, value);
    return [];
  }
  const names = list.split(',').map((name) => name.trim());
  if (names.some((name) => !NAME.test(name))) decoder.problem(path, expected, value);
  if (count === '0') decoder.problem(path, 'at least 1 signer', value);
  refuseDuplicates(decoder, names, path);
  return [{ path, text: `${count} of [${names.join(', ')}]`, threshold: Number(count), names }];
}
