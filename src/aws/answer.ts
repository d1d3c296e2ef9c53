import { AnswerMalformed } from './failure.ts';

// The SDK gives the fields of an answer the types that they should have, and does not look whether they do.

/** A field that must be a string with something in it. */
export function textOf(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new AnswerMalformed();
}

/** A field that must be a string where it is there at all. */
export function optionalTextOf(value: unknown): string | undefined {
  return value === undefined ? undefined : textOf(value);
}

/** A field that must be bytes. */
export function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new AnswerMalformed();
}

/** A field that must be a list, each entry read by `read`. */
export function listOf<T>(value: unknown, read: (entry: unknown) => T): readonly T[] {
  if (Array.isArray(value)) return value.map(read);
  throw new AnswerMalformed();
}

/** Something that must be an object. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null) return { ...value };
  throw new AnswerMalformed();
}
