import type { DiffSide, ModelDiff, TensorChange, TensorPlace } from '../app/index.ts';
import { escapeText } from './escape.ts';
import { findingLines, suggestionLines } from './findings.ts';
import { formatCount, groupDigits } from './quantity.ts';
import type { Style } from './style.ts';

const FILE_LIMIT = 100;
const TENSOR_LIMIT = 40;

/** What `mlsign diff --json` prints: `schemas/diff.schema.json`. */
export function diffDocument(diff: ModelDiff): object {
  const { verdict, a, b, added, removed, changed, renamed, incomparable, same, tensors, findings } = diff;
  return {
    type: 'https://mlsign/diff-result/v1',
    verdict,
    a: sideDocument(a),
    b: sideDocument(b),
    added,
    removed,
    changed,
    renamed,
    incomparable,
    same,
    ...(tensors === undefined ? {} : { tensors: { changes: tensors.changes, same: tensors.same } }),
    findings,
  };
}

function sideDocument({ path, input, name, files }: DiffSide): object {
  return { path, input, name, files: files.size };
}

/** The verdict in one line: `differs: 1 changed, 2 added, 5 the same`. */
export function diffLine(diff: ModelDiff): string {
  const { verdict, added, removed, changed, renamed, incomparable, same } = diff;
  const counts = { changed, added, removed, renamed, 'not compared': incomparable };
  const parts = Object.entries(counts).flatMap(([word, names]) => (names.length === 0 ? [] : [`${groupDigits(names.length)} ${word}`]));
  return `${verdict}: ${[...parts, `${groupDigits(same)} the same`].join(', ')}`;
}

/** How two models differ, for people. */
export function diffText(diff: ModelDiff, style: Style): string {
  const { verdict, a, b, findings } = diff;
  const emphasis = verdict === 'same' ? style.good : style.attention;
  const counts = diffLine(diff).slice(verdict.length + 2);
  const lines = [`${emphasis(style.bold(verdict))}  ${escapeText(a.path)} → ${escapeText(b.path)}  ${style.dim(counts)}`];
  const files = fileLines(diff, style);
  lines.push(...files.slice(0, FILE_LIMIT));
  if (files.length > FILE_LIMIT) lines.push(`  … and ${files.length - FILE_LIMIT} more: use --json for all`);
  lines.push(...tensorLines(diff, style));
  if (diff.incomparable.length > 0) lines.push(style.dim(`  ? cannot be compared: ${reasonFor(a, b)}`));
  if (findings.length > 0) lines.push('findings', ...findingLines(findings, style), ...suggestionLines(findings));
  return `${lines.join('\n')}\n`;
}

function fileLines({ changed, added, removed, renamed, incomparable }: ModelDiff, style: Style): readonly string[] {
  const line = (mark: string, name: string): string => `  ${mark} ${escapeText(name)}`;
  return [
    ...changed.map((name) => line(style.attention('~'), name)),
    ...renamed.map(({ from, to }) => line(style.attention('>'), `${from} → ${to}`)),
    ...removed.map((name) => line(style.bad('-'), name)),
    ...added.map((name) => line(style.good('+'), name)),
    ...incomparable.map((name) => line(style.dim('?'), name)),
  ];
}

function reasonFor(a: DiffSide, b: DiffSide): string {
  const [one, two] = [wayOf(a), wayOf(b)];
  return one === two ? 'one side leaves them out, or they were not read there' : `${one} against ${two}`;
}

function wayOf({ serialization: { method, hashType, shardSize } }: DiffSide): string {
  return method === 'shards' ? `${hashType} in shards of ${shardSize}` : `${hashType} of whole files`;
}

function tensorLines({ tensors }: ModelDiff, style: Style): readonly string[] {
  if (tensors === undefined || tensors.changes.length + tensors.same === 0) return [];
  const { changes, same } = tensors;
  const shown = changes.slice(0, TENSOR_LIMIT);
  const width = Math.max(0, ...shown.map(({ name }) => escapeText(name).length));
  const lines = [`tensors  ${style.dim(`${formatCount(changes.length, 'difference')}, ${groupDigits(same)} the same`)}`];
  lines.push(...shown.map((change) => `  ${tensorLine(change, width, style)}`));
  if (changes.length > shown.length) lines.push(`  … and ${changes.length - shown.length} more: use --json for all`);
  return lines;
}

function tensorLine(change: TensorChange, width: number, style: Style): string {
  const name = escapeText(change.name).padEnd(width);
  switch (change.change) {
    case 'added':
      return `${style.good('+')} ${name}  ${place(change.after)}  ${style.dim(escapeText(change.after.file))}`;
    case 'removed':
      return `${style.bad('-')} ${name}  ${place(change.before)}  ${style.dim(escapeText(change.before.file))}`;
    case 'changed':
    case 'moved': {
      const { before, after, what } = change;
      const form = what.includes('dtype') || what.includes('shape') ? `${place(before)} → ${place(after)}` : place(after);
      const files = before.file === after.file ? after.file : `${before.file} → ${after.file}`;
      const words = change.change === 'moved' ? 'moved' : what.join(', ');
      return `${style.attention(change.change === 'moved' ? '>' : '~')} ${name}  ${form}  ${words}  ${style.dim(escapeText(files))}`;
    }
  }
}

function place({ dtype, shape }: TensorPlace): string {
  return `${dtype} [${shape.join(', ')}]`;
}
