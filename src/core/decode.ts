import { type MlsignError, refused } from './errors.ts';
import type { JsonObject, JsonValue } from './json.ts';

/** A wrong field: where (a path such as `predicate.resources[3].name`), what was expected, what was there. */
export interface Problem {
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

const MOST_PROBLEMS = 1000;
const MOST_CHARACTERS = 200;

/**
 * Reads fields out of parsed JSON or YAML and remembers every one that is wrong, so that all are reported at once.
 * Readers return a stand-in value for a wrong field; nothing read counts before {@link Decoder.finish} has passed.
 */
export class Decoder {
  /** The first thousand: a hostile document may be wrong a million times. */
  readonly problems: Problem[] = [];
  #more = 0;

  /** Notes a wrong value. */
  problem(path: string, expected: string, value: JsonValue | undefined): void {
    this.note({ path, expected, got: describe(value) });
  }

  /** Notes what is wrong. */
  note(problem: Problem): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push({ ...problem, path: clip(problem.path, MOST_CHARACTERS) });
    else this.#more++;
  }

  object(value: JsonValue | undefined, path: string): Fields {
    if (isJsonObject(value)) return new Fields(this, value, path);
    this.problem(path, 'an object', value);
    return new Fields(this, undefined, path);
  }

  array(value: JsonValue | undefined, path: string, min = 0, max = Number.POSITIVE_INFINITY): readonly JsonValue[] {
    if (!Array.isArray(value)) {
      this.problem(path, 'an array', value);
      return [];
    }
    if (value.length < min || value.length > max) {
      const range = max === min ? `exactly ${min}` : max === Number.POSITIVE_INFINITY ? `at least ${min}` : `${min} to ${max}`;
      this.problem(path, `${range} ${max === 1 ? 'entry' : 'entries'}`, value);
      return [];
    }
    return value;
  }

  string(value: JsonValue | undefined, path: string, pattern?: RegExp, expected = 'a non-empty string'): string {
    if (typeof value === 'string' && value !== '' && (pattern === undefined || pattern.test(value))) return value;
    this.problem(path, expected, value);
    return '';
  }

  boolean(value: JsonValue | undefined, path: string): boolean {
    if (typeof value === 'boolean') return value;
    this.problem(path, 'true or false', value);
    return false;
  }

  integer(value: JsonValue | undefined, path: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    this.problem(path, `an integer from ${min} to ${max}`, value);
    return min;
  }

  oneOf<const T extends string>(value: JsonValue | undefined, path: string, allowed: readonly [T, ...T[]]): T {
    for (const candidate of allowed) if (candidate === value) return candidate;
    this.problem(path, allowed.map((name) => JSON.stringify(name)).join(' or '), value);
    return allowed[0];
  }

  /** Throws one error that names every wrong field (the first twenty). */
  finish(code: string, what: string, where: string): void {
    if (this.problems.length > 0) throw this.error(code, what, where);
  }

  error(code: string, what: string, where: string): MlsignError {
    const shown = this.problems.slice(0, 20);
    const rest = this.problems.length - shown.length + this.#more;
    const [first] = shown;
    const lines = shown.map(({ path, expected, got }) => `${path || 'the document'}: expected ${expected}, got ${got}`);
    if (rest > 0) lines.push(`and ${rest} more`);
    return refused(code, `the ${what} is malformed: ${lines.join('; ')}`, { subject: where, expected: first?.expected, got: first?.got });
  }
}

/** The fields of one object. Fields that nobody asked for are noticed by {@link Fields.done}. */
export class Fields {
  readonly path: string;
  /** Whether the value was an object at all; otherwise every field is absent and already reported. */
  readonly present: boolean;
  readonly #decoder: Decoder;
  readonly #object: JsonObject;
  readonly #asked = new Set<string>();

  constructor(decoder: Decoder, object: JsonObject | undefined, path: string) {
    this.path = path;
    this.present = object !== undefined;
    this.#decoder = decoder;
    this.#object = object ?? {};
  }

  has(name: string): boolean {
    this.#asked.add(name);
    return Object.hasOwn(this.#object, name);
  }

  raw(name: string): JsonValue | undefined {
    return this.has(name) ? this.#object[name] : undefined;
  }

  keys(): readonly string[] {
    return Object.keys(this.#object);
  }

  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  object(name: string): Fields {
    if (!this.present) return new Fields(this.#decoder, undefined, this.at(name));
    return this.#decoder.object(this.raw(name), this.at(name));
  }

  array(name: string, min?: number, max?: number): readonly JsonValue[] {
    return this.present ? this.#decoder.array(this.raw(name), this.at(name), min, max) : [];
  }

  string(name: string, pattern?: RegExp, expected?: string): string {
    return this.present ? this.#decoder.string(this.raw(name), this.at(name), pattern, expected) : '';
  }

  boolean(name: string): boolean {
    return this.present ? this.#decoder.boolean(this.raw(name), this.at(name)) : false;
  }

  integer(name: string, min: number, max?: number): number {
    return this.present ? this.#decoder.integer(this.raw(name), this.at(name), min, max) : min;
  }

  oneOf<const T extends string>(name: string, allowed: readonly [T, ...T[]]): T {
    return this.present ? this.#decoder.oneOf(this.raw(name), this.at(name), allowed) : allowed[0];
  }

  /** Notes every field that was not asked for. */
  done(): void {
    for (const key of this.keys()) {
      if (!this.#asked.has(key)) this.#decoder.problem(this.at(key), 'no such field', this.#object[key]);
    }
  }
}

/** Whether a value is a JSON object. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isJsonObject(value)) return 'an object';
  // Not the whole text, which may be as long as a document.
  return clip(JSON.stringify(typeof value === 'string' ? value.slice(0, 80) : value), 80);
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
