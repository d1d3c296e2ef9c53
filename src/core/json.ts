import { isUtf8 } from 'node:buffer';
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
  /** Longest string or key, in bytes as it stands; as long as the document unless given. */
  readonly maxStringBytes?: number | undefined;
}

/** Enough for a manifest of a million shards. */
export const DEFAULT_JSON_LIMITS: JsonLimits = { maxBytes: 512 * 1024 * 1024, maxDepth: 64, maxValues: 8_000_000 };

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/;

/**
 * Parses JSON that comes from outside: RFC 8259 with duplicate keys, `__proto__`, unpaired surrogates, a byte order mark
 * and everything beyond the limits refused. Works on the bytes: what is read holds on to neither them nor a copy of them.
 *
 * @param where names the document in errors
 * @throws MlsignError `json-invalid` (with the byte offset), `json-duplicate-key`, `json-too-large`
 */
export function parseJson(source: Uint8Array | string, where: string, limits: JsonLimits = DEFAULT_JSON_LIMITS): JsonValue {
  if (source.length > limits.maxBytes) {
    throw tooLarge(where, `at most ${limits.maxBytes} bytes`, `${source.length} bytes`);
  }
  const isText = typeof source === 'string' ? source.isWellFormed() : isUtf8(source);
  if (!isText) {
    const what = typeof source === 'string' ? 'the text holds an unpaired surrogate' : 'the bytes are not valid UTF-8';
    throw refused('json-invalid', `not JSON: ${what}`, { subject: where, expected: 'UTF-8 text' });
  }
  const bytes = typeof source === 'string' ? Buffer.from(source) : Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  return new Parser(bytes, where, limits).document();
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
  readonly #bytes: Buffer;
  readonly #where: string;
  readonly #limits: JsonLimits;
  #at = 0;
  #depth = 0;
  #values = 0;

  constructor(bytes: Buffer, where: string, limits: JsonLimits) {
    this.#bytes = bytes;
    this.#where = where;
    this.#limits = limits;
  }

  document(): JsonValue {
    this.#space();
    const value = this.#value();
    this.#space();
    if (this.#at < this.#bytes.length) throw this.#unexpected('the end of the document');
    return value;
  }

  #value(): JsonValue {
    if (++this.#values > this.#limits.maxValues) {
      throw tooLarge(this.#where, `at most ${this.#limits.maxValues} values`, 'more');
    }
    switch (this.#bytes[this.#at]) {
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
      if (this.#bytes[this.#at] !== 0x22) throw this.#unexpected('a key in double quotes');
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
      // What grows has room for sixteen more; a million short arrays would be mostly that.
      if (this.#take(0x5d)) return array.length < 16 ? array.slice() : array;
      if (!this.#take(0x2c)) throw this.#unexpected('"," or "]"');
      this.#space();
    }
  }

  #string(): string {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    let at = start;
    let plain = true;
    let seen = 0;
    for (; ; at++) {
      const byte = bytes[at];
      if (byte === 0x22) break;
      if (byte === 0x5c) {
        plain = false;
        at++;
      } else if (byte === undefined || byte < 0x20) {
        this.#at = Math.min(at, bytes.length);
        throw this.#unexpected('the rest of a string');
      } else seen |= byte;
    }
    const { maxStringBytes } = this.#limits;
    if (maxStringBytes !== undefined && at - start > maxStringBytes) {
      throw tooLarge(this.#where, `strings of at most ${maxStringBytes} bytes`, `${at - start} bytes`);
    }
    if (!plain) return this.#unescape(start - 1, at + 1);
    this.#at = at + 1;
    return bytes.toString(seen < 0x80 ? 'latin1' : 'utf8', start, at);
  }

  #unescape(start: number, end: number): string {
    const value = this.#parseString(start, end);
    if (!value.isWellFormed()) throw this.#unexpected('a string without unpaired surrogates');
    this.#at = end;
    return value;
  }

  #parseString(start: number, end: number): string {
    try {
      return JSON.parse(this.#bytes.toString('utf8', start, end));
    } catch {
      this.#at = start;
      throw this.#unexpected('a string with valid escapes');
    }
  }

  #number(): number {
    const bytes = this.#bytes;
    let end = this.#at;
    while (isNumberByte(bytes[end])) end++;
    const [text] = NUMBER.exec(bytes.toString('latin1', this.#at, end)) ?? [];
    if (text === undefined) throw this.#unexpected('a value');
    const value = Number(text);
    if (!Number.isFinite(value)) throw this.#unexpected('a number within range');
    this.#at += text.length;
    return value;
  }

  #word<T>(word: string, value: T): T {
    if (this.#bytes.toString('latin1', this.#at, this.#at + word.length) !== word) throw this.#unexpected('a value');
    this.#at += word.length;
    return value;
  }

  #take(unit: number): boolean {
    if (this.#bytes[this.#at] !== unit) return false;
    this.#at++;
    return true;
  }

  #space(): void {
    for (;;) {
      const unit = this.#bytes[this.#at];
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.#at++;
    }
  }

  #unexpected(expected: string): MlsignError {
    // Half a character at the end of what is shown is left out.
    const got = new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.#bytes.subarray(this.#at, this.#at + 20), { stream: true });
    return refused('json-invalid', `not JSON: wrong at byte ${this.#at}`, {
      subject: this.#where,
      expected,
      got: got === '' ? 'the end of the document' : JSON.stringify(got),
    });
  }
}

/** Whether a byte may stand in a number: `+`, `-`, `.`, `E`, `e`, digits. */
function isNumberByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45 || byte === 0x65;
}
