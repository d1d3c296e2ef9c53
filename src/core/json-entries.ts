import type { MlsignError } from './errors.ts';

/** One field of an object: its name and value as the JSON bytes that stand there. */
export interface JsonEntry {
  readonly name: Buffer;
  readonly value: Buffer;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;

/**
 * Walks the fields of the one JSON object that bytes are. Names and values are found by their brackets and quotes alone, so
 * that 100 MB of them are never in memory as a tree: whoever parses them finds what is wrong inside.
 *
 * @param start of the object, after its opening bracket
 * @param malformed makes the error for bytes that are no JSON object
 */
export function* jsonEntries(json: Buffer, start: number, malformed: (expected: string, at: number) => MlsignError): Generator<JsonEntry> {
  let at = skipSpace(json, start);
  if (json[at] !== 0x7d) {
    for (;;) {
      const name = at;
      if (json[at] !== QUOTE) throw malformed('a key in double quotes', at);
      at = endOfString(json, at);
      const nameEnd = at;
      at = skipSpace(json, at);
      if (json[at] !== COLON) throw malformed('":"', at);
      const value = skipSpace(json, at + 1);
      at = endOfValue(json, value);
      yield { name: json.subarray(name, nameEnd), value: json.subarray(value, at) };
      at = skipSpace(json, at);
      if (json[at] !== COMMA) break;
      at = skipSpace(json, at + 1);
    }
    if (json[at] !== 0x7d) throw malformed('"," or "}"', at);
  }
  at = skipSpace(json, at + 1);
  if (at < json.length) throw malformed('the end of the document', at);
}

function skipSpace(json: Buffer, start: number): number {
  let at = start;
  while (json[at] === 0x20 || json[at] === 0x0a || json[at] === 0x0d || json[at] === 0x09) at++;
  return at;
}

/** After the closing quote, or the end where there is none. */
function endOfString(json: Buffer, start: number): number {
  for (let at = json.indexOf(QUOTE, start + 1); at !== -1; at = json.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (json[at - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
  return json.length;
}

function endOfValue(json: Buffer, start: number): number {
  let depth = 0;
  let at = start;
  while (at < json.length) {
    const byte = json[at];
    if (byte === QUOTE) {
      at = endOfString(json, at);
      continue;
    }
    const isClosing = byte === 0x7d || byte === 0x5d;
    if (depth === 0 && (isClosing || byte === COMMA)) return at;
    if (byte === 0x7b || byte === 0x5b) depth++;
    if (isClosing) depth--;
    at++;
  }
  return at;
}
