import { stripVTControlCharacters } from 'node:util';
import { type MlsignError, nearest, usage } from '../core/index.ts';

/** What of oclif's errors about flags and arguments is looked at. */
interface OclifError extends Error {
  readonly args?: unknown;
  readonly flags?: unknown;
  readonly parse?: { readonly input?: { readonly flags?: object } };
}

/** oclif's sentences about a flag, and ours. */
const SENTENCES: readonly (readonly [RegExp, string])[] = [
  [/^missing required flag (\S+)$/i, '--$1 is missing'],
  [/^flag (--\S+) expects a value$/i, '$1 needs a value'],
  [/^(--[^\s=]+)(?:=.*)? cannot also be provided when using (--\S+)$/is, '$1 and $2 exclude each other'],
  [/^all of the following must be provided when using (--\S+): (.+)$/i, '$1 needs $2'],
  [/^nonexistent flags?: (.+)$/i, 'no such flag: $1'],
];

/** An error of oclif about the command line, in our words: what is wrong, what was expected, and what was probably meant. */
export function usageError(thrown: OclifError, command: string): MlsignError {
  const line = [...new Set(oneLine(thrown.message).replace(/\.$/, '').split('; ').map(sentence))].join('; ');
  const help = command === '' ? 'mlsign --help' : `mlsign ${command.replaceAll(':', ' ')} --help`;
  const missing = missingArguments(thrown.args);
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name.toUpperCase());
    const expected = missing.map(({ name, description }) => `${name.toUpperCase()}, ${description}`).join('; ');
    return usage('usage', `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} missing`, { expected, suggestions: [help] });
  }
  const choice = /^expected (?:(--[^\s=]+)=)?(.*) to be one of: (.+)$/s.exec(line);
  if (choice?.[3] !== undefined) {
    const [, flag, got = '', expected] = choice;
    const near = nearest(got, expected.split(', '));
    const meant = near === undefined ? [] : [flag === undefined ? near : `${flag} ${near}`];
    return usage('usage', `${flag ?? 'the value'} is none of the choices`, { expected, got, suggestions: [...meant, help] });
  }
  const number = /^(--\S+): expected (an integer.*) but received: (.*)$/is.exec(line);
  if (number?.[2] !== undefined) {
    const [, flag, expected, got = ''] = number;
    return usage('usage', `${flag} is no such number`, { expected, got, suggestions: [help] });
  }
  return usage('usage', line, { suggestions: [...nearFlags(thrown), help] });
}

/** What oclif spreads over lines, with headings and advice; it rewrites the messages of our own errors about a flag, too. */
export function oneLine(message: string): string {
  const lines = stripVTControlCharacters(message)
    .split('\n')
    .map((line) => line.trim().replace(/^Parsing (--\S+)$/, '$1:'))
    .filter(
      (line) => line !== '' && !/^(See more help|The following errors? occurred|Note: --|Alternatively, you can use "--")/.test(line),
    );
  const text = lines.join('; ').replaceAll(':; ', ': ');
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function sentence(said: string): string {
  const known = SENTENCES.find(([pattern]) => pattern.test(said));
  return known === undefined ? said : said.replace(...known);
}

function missingArguments(args: unknown): readonly { readonly name: string; readonly description: string }[] {
  if (!Array.isArray(args)) return [];
  const listed: readonly unknown[] = args;
  return listed.flatMap((arg) =>
    typeof arg === 'object' && arg !== null && 'name' in arg && 'description' in arg
      ? [{ name: String(arg.name), description: String(arg.description) }]
      : [],
  );
}

/** The flags that were probably meant by those that there are not. */
function nearFlags({ flags, parse }: OclifError): readonly string[] {
  if (!Array.isArray(flags)) return [];
  const known = Object.keys(parse?.input?.flags ?? {}).map((name) => `--${name}`);
  const unknown: readonly unknown[] = flags;
  return unknown.flatMap((flag) => nearest(String(flag).split('=', 1)[0] ?? '', known) ?? []);
}
