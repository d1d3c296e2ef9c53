import { nearest, usage } from '../core/index.ts';
import { explainDocument, explainedCodes, explainListText, explainText } from '../report/index.ts';
import type { CommandReport } from './base-command.ts';

const MOST_SUGGESTED = 5;

/**
 * Explains a code, or lists all of them.
 *
 * @throws MlsignError `unknown-code`
 */
export async function explain(code: string | undefined): Promise<CommandReport> {
  const all = await explainedCodes();
  if (code === undefined) return { document: () => explainDocument(all), text: (style) => explainListText(all, style), exitCode: 0 };
  // Copied from a terminal it may stand in brackets.
  const name = code.replace(/^\[(.*)\]$/, '$1');
  const found = all.find((explained) => explained.code === name);
  if (found === undefined) throw unknownCode(name, all);
  return { document: () => explainDocument([found]), text: (style) => explainText(found, style), exitCode: 0 };
}

function unknownCode(code: string, all: Awaited<ReturnType<typeof explainedCodes>>) {
  const names = all.map((explained) => explained.code);
  const near = nearest(code, names);
  const alike = names.filter((name) => code !== '' && (name.startsWith(code) || name.split('-').includes(code)));
  const likely = [...new Set([...(near === undefined ? [] : [near]), ...alike])].slice(0, MOST_SUGGESTED);
  return usage('unknown-code', 'there is no finding or error with this code', {
    got: code,
    suggestions: [...likely.map((name) => `mlsign explain ${name}`), 'mlsign explain lists them all'],
  });
}
