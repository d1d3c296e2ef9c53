import { decodeUtf8 } from './bytes.ts';
import { type MlsignError, refused } from './errors.ts';

/** A value of RFC 8259 JSON. Objects inherit nothing. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** What a JSON document from outside may cost. */
export interface JsonLimits {
  /** Largest document, in bytes. */
  readonly maxBytes: number;
  /** Deepest nesting of arrays and objects. */
  readonly maxDepth: number;
  /** Most values, those of arrays and objects included. */
  readonly maxValues: number;
}

/** Enough for a manifest of a million shards. */
export const DEFAULT_JSON_LIMITS: JsonLimits = { maxBytes: 512 * 1024 * 1024, maxDepth: 64, maxValues: 8_000_000 };

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * Parses JSON that comes from outside: RFC 8259 with duplicate keys, `__proto__`, unpaired surrogates, a byte order mark
 * and everything beyond the limits refused.
 *
 * @param where names the document in errors
 * @throws MlsignError `json-invalid` (with the byte or character offset), `json-duplicate-key`, `json-too-large`
 */
export function parseJson(source: Uint8Array | string, where: string, limits: JsonLimits = DEFAULT_JSON_LIMITS): JsonValue {
  if (source.length > limits.maxBytes) {
    throw tooLarge(where, `at most ${limits.maxBytes} bytes`, `${source.length} bytes`);
  }
  const text = typeof source === 'string' ? source : decodeUtf8(source);
  if (text === undefined) {
    throw refused('json-invalid', 'not JSON: the bytes are not valid UTF-8', { subject: where, expected: 'UTF-8 text' });
  }
  return new Parser(text, where, limits).document();
}

/** An object that inherits nothing: half the time and memory of `Object.create(null)`, which V8 keeps as a hash table. */
class Bare {
  [key: string]: JsonValue;
}
Reflect.deleteProperty(Bare.prototype, 'constructor');
Object.setPrototypeOf(Bare.prototype, null);

function tooLarge(where: string, expected: string, got: string): MlsignError {
  return refused('json-too-large', 'the JSON document is larger than mlsign reads', { subject: where, expected, got });
}

class Parser {
  readonly #text: string;
  readonly #where: string;
  readonly #limits: JsonLimits;
  #at = 0;
  #depth = 0;
  #values = 0;

  constructor(text: string, where: string, limits: JsonLimits) {
    this.#text = text;
    this.#where = where;
    this.#limits = limits;
  }

  document(): JsonValue {
    this.#space();
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#unexpected('the end of the document');
    return value;
  }

  #value(): JsonValue {
    if (++this.#values > this.#limits.maxValues) {
      throw tooLarge(this.#where, `at most ${this.#limits.maxValues} values`, 'more');
    }
    switch (this.#text.charCodeAt(this.#at)) {
      case 0x7b:
        return this.#nested(() => this.#object());
      case 0x5b:
        return this.#nested(() => this.#array());
      case 0x22:
        return this.#string();
      case 0x74:
        return this.#word('true', true);
      case 0x66:
        return this.#word('false', false);
      case 0x6e:
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > this.#limits.maxDepth) {
      throw tooLarge(this.#where, `at most ${this.#limits.maxDepth} levels of nesting`, 'more');
    }
    this.#at++;
    this.#space();
    const value = read();
    this.#depth--;
    return value;
  }

  #object(): JsonObject {
    const object = new Bare();
    if (this.#take(0x7d)) return object;
    for (;;) {
      if (this.#text.charCodeAt(this.#at) !== 0x22) throw this.#unexpected('a key in double quotes');
      const key = this.#string();
      if (key === '__proto__' || key in object) {
        const code = key === '__proto__' ? 'json-invalid' : 'json-duplicate-key';
        const what = key === '__proto__' ? 'the key __proto__ is not allowed' : 'the same key stands twice in one object';
        throw refused(code, what, { subject: this.#where, got: JSON.stringify(key.slice(0, 80)) });
      }
      this.#space();
      if (!this.#take(0x3a)) throw this.#unexpected('":"');
      this.#space();
      object[key] = this.#value();
      this.#space();
      if (this.#take(0x7d)) return object;
      if (!this.#take(0x2c)) throw this.#unexpected('"," or "}"');
      this.#space();
    }
  }

  #array(): readonly JsonValue[] {
    const array: JsonValue[] = [];
    if (this.#take(0x5d)) return array;
    for (;;) {
      array.push(this.#value());
      this.#space();
      if (this.#take(0x5d)) return array;
      if (!this.#take(0x2c)) throw this.#unexpected('"," or "]"');
      this.#space();
    }
  }

  #string(): string {
    const start = this.#at;
    let at = start + 1;
    let plain = true;
    for (; ; at++) {
      const unit = this.#text.charCodeAt(at);
      if (unit === 0x22) break;
      if (unit === 0x5c) {
        plain = false;
        at++;
      } else if (unit < 0x20 || Number.isNaN(unit)) {
        this.#at = Math.min(at, this.#text.length);
        throw this.#unexpected('the rest of a string');
      }
    }
    this.#at = at + 1;
    const value = plain ? this.#text.slice(start + 1, at) : this.#unescape(start, at + 1);
    if (!value.isWellFormed()) {
      this.#at = start;
      throw this.#unexpected('a string without unpaired surrogates');
    }
    return value;
  }

  #unescape(start: number, end: number): string {
    try {
      return JSON.parse(this.#text.slice(start, end));
    } catch {
      this.#at = start;
      throw this.#unexpected('a string with valid escapes');
    }
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) throw this.#unexpected('a value');
    const value = Number(match[0]);
    if (!Number.isFinite(value)) throw this.#unexpected('a number within range');
    this.#at = NUMBER.lastIndex;
    return value;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected('a value');
    this.#at += word.length;
    return value;
  }

  #take(unit: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== unit) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.#at);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at++;
    }
  }

  #unexpected(expected: string): MlsignError {
    const got = this.#text.slice(this.#at, this.#at + 20);
    return refused('json-invalid', `not JSON: wrong at character ${this.#at}`, {
      subject: this.#where,
      expected,
      got: got === '' ? 'the end of the document' : JSON.stringify(got),
    });
  }
}
