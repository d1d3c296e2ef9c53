import type { CaseResult, PolicyTest } from '../app/index.ts';
import { escapeText } from './escape.ts';
import { findingLine, worstFirst } from './findings.ts';
import { formatCount } from './quantity.ts';
import type { Style } from './style.ts';

/** What `mlsign policy test --json` prints: `schemas/policy-test.schema.json`. */
export function policyTestDocument({ source, cases }: PolicyTest): object {
  return {
    type: 'https://mlsign/policy-test/v1',
    source,
    passed: cases.filter(isPassed).length,
    failed: cases.filter((one) => !isPassed(one)).length,
    cases: cases.map((one) => ({
      name: one.name,
      model: one.model,
      passed: isPassed(one),
      expected: one.expected,
      got: one.got,
      differences: one.differences,
    })),
  };
}

/** The cases of a policy in the form of TAP 14, which people and CI systems read. */
export function policyTestText({ cases }: PolicyTest, style: Style): string {
  const lines = cases.flatMap((one, index) => {
    const line = `${index + 1} - ${escapeText(one.name)}`;
    if (isPassed(one)) return [`${style.good('ok')} ${line}`];
    const findings = worstFirst(one.got.findings).slice(0, 3);
    return [
      `${style.bad('not ok')} ${line}`,
      '  ---',
      `  model: ${quoted(one.model)}`,
      '  differences:',
      ...one.differences.map((text) => `    - ${quoted(text)}`),
      ...(findings.length === 0 ? [] : ['  findings:']),
      ...findings.map((finding) => `    - ${quoted(`${findingLine(finding)} [${finding.code}]`)}`),
      '  ...',
    ];
  });
  return ['TAP version 14', `1..${cases.length}`, ...lines, ''].join('\n');
}

/** One line where cases are not as expected. */
export function policyTestComplaint({ source, cases }: PolicyTest): string | undefined {
  const failed = cases.filter((one) => !isPassed(one));
  const [first] = failed;
  if (first === undefined) return undefined;
  const names = failed.length === 1 ? escapeText(first.name) : `${escapeText(first.name)} and ${failed.length - 1} more`;
  return `${escapeText(source)}: not as expected: ${names} of ${formatCount(cases.length, 'case')}`;
}

function isPassed({ differences }: CaseResult): boolean {
  return differences.length === 0;
}

/** YAML reads JSON's strings. */
function quoted(text: string): string {
  return JSON.stringify(escapeText(text));
}
