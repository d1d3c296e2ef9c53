import { type Decoder, type Fields, isJsonObject, type JsonValue, nearest } from '../core/index.ts';

/** More than any honest list of a policy has. */
export const MAX_ENTRIES = 10_000;

/** A list of texts, each once. */
export function strings(
  decoder: Decoder,
  values: readonly JsonValue[],
  path: string,
  pattern: RegExp,
  expected: string,
): readonly string[] {
  const list = values.map((value, index) => decoder.string(value, `${path}[${index}]`, pattern, expected));
  refuseDuplicates(decoder, list, path);
  return list;
}

/** Notes every name that stands in a list before. */
export function refuseDuplicates(decoder: Decoder, names: readonly string[], path: string): void {
  for (const [index, name] of names.entries()) {
    if (name !== '' && names.indexOf(name) !== index) decoder.problem(`${path}[${index}]`, 'each entry once', name);
  }
}

/** Notes every field that is not known, with the one that was probably meant. */
export function refuseOthers(decoder: Decoder, fields: Fields, known: readonly string[]): void {
  for (const key of fields.keys()) {
    if (!known.includes(key))
      decoder.problem(
        fields.at(key),
        `no such field${suggestion(nearest(key, known))}`,
        isJsonObject(fields.raw(key)) ? key : fields.raw(key),
      );
  }
}

/** ` (did you mean "key"?)`, or nothing. */
export function suggestion(name: string | undefined): string {
  return name === undefined ? '' : ` (did you mean "${name}"?)`;
}
