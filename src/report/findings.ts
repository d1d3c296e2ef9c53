import type { Finding } from '../core/index.ts';
import { escapeText, excerpt } from './escape.ts';
import { shortDigest } from './quantity.ts';
import type { Style } from './style.ts';

const MARKS = { rejected: ['✗', 'bad'], undetermined: ['?', 'attention'], warning: ['!', 'attention'], note: ['·', 'dim'] } as const;
const RANK = { rejected: 0, undetermined: 1, warning: 2, note: 3 } as const;
const HEX_DIGEST = /\b[0-9a-f]{64,128}\b/g;

/** The findings, worst first, otherwise in the order they were made. */
export function worstFirst(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => RANK[a.severity] - RANK[b.severity]);
}

/** One finding on one line: `model.safetensors: the content changed (expected 3f2a…, got 91bc…)`. */
export function findingLine({ subject, message, expected, got }: Finding): string {
  const pair = [
    expected === undefined ? '' : `expected ${excerpt(shorten(expected))}`,
    got === undefined ? '' : `got ${excerpt(shorten(got))}`,
  ];
  const detail = pair.filter((part) => part !== '').join(', ');
  return `${excerpt(subject)}: ${escapeText(message)}${detail === '' ? '' : ` (${detail})`}`;
}

/** Findings for people, a line each with its mark and code, at most `limit` of them. */
export function findingLines(findings: readonly Finding[], style: Style, limit = 50): readonly string[] {
  const lines = worstFirst(findings)
    .slice(0, limit)
    .map((finding) => {
      const [mark, emphasis] = MARKS[finding.severity];
      return `  ${style[emphasis](mark)} ${findingLine(finding)} ${style.dim(`[${finding.code}]`)}`;
    });
  const rest = findings.length - lines.length;
  return rest > 0 ? [...lines, `  … and ${rest} more: use --json for all`] : lines;
}

/** What to do about the findings: each suggestion once, those of the worst first, and where to read more of what decides. */
export function suggestionLines(findings: readonly Finding[], limit = 3): readonly string[] {
  const sorted = worstFirst(findings);
  const suggestions = sorted.flatMap(({ suggestion }) => (suggestion === undefined ? [] : [suggestion]));
  const [worst] = sorted;
  const explain = worst !== undefined && isDecisive(worst) ? [`mlsign explain ${worst.code}`] : [];
  return [...[...new Set(suggestions)].slice(0, limit), ...explain].map((suggestion) => `  → ${escapeText(suggestion)}`);
}

function isDecisive({ severity }: Finding): boolean {
  return severity === 'rejected' || severity === 'undetermined';
}

function shorten(text: string): string {
  return text.replace(HEX_DIGEST, shortDigest);
}
