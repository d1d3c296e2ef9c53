import { type Document, isMap, isScalar, isSeq, Lexer, LineCounter, type Node, type Pair, Parser, parseDocument } from 'yaml';
import { decodeUtf8, type JsonValue, type Problem, usage } from '../core/index.ts';

/** A YAML document as plain data, and where each of its fields stands. */
export interface YamlDocument {
  readonly value: JsonValue;
  /** Where a field such as `rules[0].signed-by` begins, or the nearest one around it. */
  locate(path: string): Place;
}

/** Makes the error for a document that is none, from what is wrong with it. */
export type Refuse = (lines: readonly string[]) => Error;

/** A place in a text; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Deeper than any policy: the parser calls itself for each level. */
const MAX_DEPTH = 32;
/** Where one bracket is wrong, the parser stumbles over all that follows: the first places say enough. */
const MAX_SYNTAX_ERRORS = 3;
/** Documents, directives and errors between them: a policy is one document. */
const MAX_PARTS = 100;

/** `line 4, column 7`. */
export function describePlace({ line, column }: Place): string {
  return `line ${line}, column ${column}`;
}

/**
 * Reads one YAML 1.2 document (core schema) strictly: no aliases, tags, directives, duplicate or non-string keys; whatever
 * the parser would only warn of is refused.
 *
 * @param refuse makes the error for a document that is none, from what is wrong with it
 * @throws MlsignError `policy-invalid`, unless `refuse` says otherwise
 */
export function parseYaml(bytes: Uint8Array, where: string, refuse: Refuse = (lines) => invalid(where, lines)): YamlDocument {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw refuse(['the file is not UTF-8 text']);
  const lineCounter = new LineCounter();
  refuseNesting(text, refuse);
  refuseParts(text, refuse);
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    strict: true,
    stringKeys: true,
    // The parser compares each key with every other one of its map.
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter,
  });
  const at = (offset: number) => position(lineCounter, offset);
  const wrong = [...document.errors, ...document.warnings]
    .slice(0, MAX_SYNTAX_ERRORS)
    .map((error) => `${describePlace(at(error.pos[0]))}: ${error.message}`);
  if (document.directives?.yaml.explicit || Object.keys(document.directives?.tags ?? {}).some((handle) => handle !== '!!')) {
    wrong.push('line 1: YAML directives are not allowed');
  }
  wrong.push(...duplicateKeys(document.contents).map((offset) => `${describePlace(at(offset))}: Map keys must be unique`));
  if (wrong.length > 0) throw refuse(wrong);
  return { value: toPlain(document, refuse), locate: (path) => at(offsetOf(document, path)) };
}

/**
 * Refuses what is nested deeper than {@link MAX_DEPTH}, by the words of the text alone: brackets, and in a block the
 * indentations and the `-`, `?` and `:` that follow each other on a line.
 */
function refuseNesting(text: string, refuse: Refuse): void {
  const indents = [-1];
  let brackets = 0;
  let onLine = 0;
  let line = 1;
  let isStart = true;
  let column = 0;
  for (const word of new Lexer().lex(text)) {
    const breaks = word.split('\n').length - 1;
    line += breaks;
    const isSpace = /^[ \t]*$/.test(word);
    if (breaks > 0) {
      isStart = true;
      column = 0;
      onLine = 0;
    } else if (isStart && isSpace) column = word.length;
    else if (isStart && word.charCodeAt(0) > 0x20 && word[0] !== '#') {
      isStart = false;
      while (brackets === 0 && column <= (indents.at(-1) ?? -1)) indents.pop();
      if (brackets === 0) indents.push(column);
    }
    if (word === '[' || word === '{') brackets++;
    else if (word === ']' || word === '}') brackets = Math.max(0, brackets - 1);
    else if (brackets === 0 && (word === '-' || word === '?' || word === ':')) onLine++;
    if (indents.length + brackets + onLine > MAX_DEPTH) {
      throw refuse([`line ${line}: nested deeper than ${MAX_DEPTH} levels`]);
    }
  }
}

/** Refuses what is thousands of documents, or none: the parser keeps an error for each. */
function refuseParts(text: string, refuse: Refuse): void {
  let parts = 0;
  for (const { type } of new Parser().parse(text)) {
    if ((type === 'document' || type === 'directive' || type === 'error') && ++parts > MAX_PARTS) {
      throw refuse(['the file is not one YAML document']);
    }
  }
}

/** Where keys stand that their map has before. */
function duplicateKeys(root: unknown): readonly number[] {
  const offsets: number[] = [];
  const open = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (isSeq(node)) for (const item of node.items) open.push(item);
    if (!isMap(node)) continue;
    const seen = new Set<unknown>();
    for (const { key, value } of node.items) {
      if (isScalar(key) && seen.has(key.value)) offsets.push(key.range?.[0] ?? 0);
      if (isScalar(key)) seen.add(key.value);
      open.push(value);
    }
  }
  return offsets.sort((a, b) => a - b);
}

/**
 * The error for a policy that is not one.
 *
 * @param lines what is wrong, each with its place
 */
export function invalid(where: string, lines: readonly string[], first?: Problem): Error {
  const shown = lines.slice(0, 20);
  if (lines.length > shown.length) shown.push(`and ${lines.length - shown.length} more`);
  return usage('policy-invalid', `the policy is not valid: ${shown.join('; ')}`, {
    subject: where,
    expected: first?.expected,
    got: first?.got,
    suggestions: ['see docs/policy.md; schemas/policy.schema.json lets an editor check it while it is written'],
  });
}

function toPlain(document: Document, refuse: Refuse): JsonValue {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    if (error instanceof ReferenceError) throw refuse(['YAML aliases (*name) are not allowed']);
    throw error;
  }
}

function position(counter: LineCounter, offset: number): Place {
  const { line, col } = counter.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** Where the key or entry begins that a path leads to; keys hold neither `.` nor `[`, or the path ends at the field around them. */
function offsetOf(document: Document, path: string): number {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const part of path.match(/[^.[\]]+/g) ?? []) {
    let next: unknown;
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(({ key }) => isScalar(key) && key.value === part);
      if (pair !== undefined && isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      next = pair?.value;
    } else if (isSeq(node)) {
      next = node.items[Number(part)];
      if (isNode(next)) offset = next.range?.[0] ?? offset;
    }
    if (!isNode(next)) return offset;
    node = next;
  }
  return offset;
}

function isNode(value: unknown): value is Node {
  return isMap(value) || isSeq(value) || isScalar(value);
}
