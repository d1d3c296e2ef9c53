import type { ErrorOutcome, Severity } from '../core/index.ts';
import type { Style } from './style.ts';

/** What a code means, how it comes about, and what to do. */
export interface Explanation {
  /** As which it is met: the severity of a finding, or how a command ends. */
  readonly outcomes: readonly (Severity | ErrorOutcome)[];
  readonly means: string;
  readonly why: string;
  readonly todo: string;
}

/** The codes about one thing. */
export interface Topic {
  readonly title: string;
  readonly codes: Readonly<Record<string, Explanation>>;
}

/** A code with its explanation. */
export interface ExplainedCode extends Explanation {
  readonly code: string;
  readonly topic: string;
}

/** Every code that findings and errors have, by topic and name. Loaded when asked for: no other command needs the texts. */
export async function explainedCodes(): Promise<readonly ExplainedCode[]> {
  const { TOPICS } = await import('./explanations/index.ts');
  return TOPICS.flatMap(({ title: topic, codes }) =>
    Object.entries(codes)
      .map(([code, explanation]) => ({ code, topic, ...explanation }))
      .sort((a, b) => (a.code < b.code ? -1 : 1)),
  );
}

/** What `mlsign explain --json` prints: `schemas/explain.schema.json`. */
export function explainDocument(codes: readonly ExplainedCode[]): object {
  return { type: 'https://mlsign/explain/v1', codes };
}

/** One code for people. */
export function explainText({ code, topic, outcomes, means, why, todo }: ExplainedCode, style: Style): string {
  const lines = [
    `${style.bold(code)}  ${style.dim(`${outcomes.join(', ')} · ${topic}`)}`,
    means,
    `${style.dim('how it comes about')}  ${why}`,
    `${style.dim('what to do')}          ${todo}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** All codes by topic, a line each. */
export function explainListText(codes: readonly ExplainedCode[], style: Style): string {
  const width = Math.max(...codes.map(({ code }) => code.length));
  const lines: string[] = [];
  for (const [topic, members] of Map.groupBy(codes, (explained) => explained.topic)) {
    if (lines.length > 0) lines.push('');
    lines.push(style.bold(topic), ...members.map(({ code, means }) => `  ${code.padEnd(width)}  ${style.dim(means)}`));
  }
  return `${lines.join('\n')}\n`;
}
