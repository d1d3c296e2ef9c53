// Control and format characters (C0, DEL, C1, bidirectional overrides and isolates, zero-width and tag characters), line and
// paragraph separators, unpaired surrogates. The joiners U+200C and U+200D stay: Persian words and emoji need them.
const UNSAFE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

const MOST_CHARACTERS = 2000;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Characters, more or less, that are written at a time. */
const PIECE = 64 * 1024;

/**
 * A document as JSON for people and programs: what {@link escapeText} would show differently stands as an escape of JSON,
 * as `JSON.stringify` escapes only the first 32 characters. The values stay the same.
 */
export function jsonText(document: object): string {
  return [...jsonPieces(document)].join('');
}

/** The same in pieces: of a model of 100,000 files the whole would be larger than everything else in memory. */
export function* jsonPieces(document: object): Generator<string> {
  let piece = '';
  for (const text of indented(document, '\n')) {
    piece += text;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}\n`;
}

/** @param line what begins a line at the value's own depth */
function* indented(value: unknown, line: string): Generator<string> {
  if (!isComposite(value)) {
    yield compact(value ?? null);
    return;
  }
  const isList = Array.isArray(value);
  const [open, close] = isList ? '[]' : '{}';
  const inner = `${line}  `;
  let before = open;
  for (const key of isList ? value.keys() : Object.keys(value)) {
    const item: unknown = Reflect.get(value, key);
    if (item === undefined && !isList) continue;
    const start = isList ? `${before}${inner}` : `${before}${inner}${compact(key)}: `;
    before = ',';
    if (isComposite(item)) {
      yield start;
      yield* indented(item, inner);
    } else yield start + compact(item ?? null);
  }
  yield before === open ? `${open}${close}` : `${line}${close}`;
}

/** Whether a value stands on lines of its own. */
function isComposite(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !('toJSON' in value);
}

function compact(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, jsonEscape);
}

/** A document as JSON in one line, with the same escapes. */
export function jsonLine(document: object): string {
  return `${compact(document)}\n`;
}

function jsonEscape(character: string): string {
  let escaped = '';
  for (let i = 0; i < character.length; i++) escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return escaped;
}

/**
 * Text from outside (names, identities, messages) made safe for a terminal: what could move the cursor, change colours,
 * start a line or reorder characters is shown as `\n`, `\x1b`, `\u202e` or `\u{e0001}`.
 */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    return (
      SHORT[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, '0')}` : code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\u{${hex}}`)
    );
  });
}

/** {@link escapeText} of so much of a text as a person reads: a bundle may hold a name of 30 MB. */
export function excerpt(text: string): string {
  return text.length > MOST_CHARACTERS ? `${escapeText(text.slice(0, MOST_CHARACTERS))}…` : escapeText(text);
}
