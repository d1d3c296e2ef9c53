import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExplainedCode, explainedCodes } from '../src/report/index.ts';

const HEAD = `# Findings and errors

What each code means, how it comes about, and what to do. \`mlsign explain CODE\` prints the same on the terminal. This page is made by
\`node tools/findings.ts\`.

A finding is *rejected* or *undetermined* (these decide the verdict), a *warning* or a *note*. A command that cannot do its work ends with an
error: *refused* (exit 1), *usage* (2), *unavailable* (3), a *bug* in mlsign (70), or *interrupted* (130, 143). An error that a check of
\`mlsign verify\` meets is a finding as well: what is refused rejects, and what is unavailable leaves the answer undetermined.
`;

/** The page of all codes. */
export function findingsPage(codes: readonly ExplainedCode[]): string {
  const parts = [HEAD];
  for (const [topic, members] of Map.groupBy(codes, (explained) => explained.topic)) {
    parts.push(`## ${topic}\n`);
    for (const { code, outcomes, means, why, todo } of members)
      parts.push(`### ${code}\n\n*${outcomes.join(', ')}* · ${means}\n\n- How it comes about: ${why}\n- What to do: ${todo}\n`);
  }
  return parts.join('\n');
}

if (import.meta.main) await writeFile(join(import.meta.dirname, '..', 'docs', 'findings.md'), findingsPage(await explainedCodes()));
