import { dirname, resolve } from 'node:path';
import { Decoder, type Fields, type JsonValue, type MlsignError, readCapped, usage, type Verdict } from '../core/index.ts';
import { MAX_ENTRIES, refuseOthers, strings } from './decode-fields.ts';

/** A model, and what a policy must say of it. */
export interface PolicyCase {
  readonly name: string;
  /** Absolute. */
  readonly policy: string;
  /** An absolute path, or a place in a store. */
  readonly model: string;
  /** Absolute paths of the bundles; the model's own unless given. */
  readonly signatures?: readonly string[] | undefined;
  readonly expect: Verdict;
  /** The code of a finding, or of the error in the place of a verdict. */
  readonly finding?: string | undefined;
  /** When it is verified; now unless given. */
  readonly at?: Date | undefined;
  /** The rule that must be chosen, as the policy writes its pattern. */
  readonly rule?: string | undefined;
}

const MAX_CASES_BYTES = 1024 * 1024;
const FIELDS = ['name', 'policy', 'model', 'signature', 'expect', 'finding', 'at', 'rule'];
const MOMENT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}Z)?$/;
const CODE = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/**
 * Reads a file of cases; relative paths begin at it.
 *
 * @throws MlsignError `policy-cases-invalid`, and what reading files throws
 */
export async function readPolicyCases(path: string): Promise<readonly PolicyCase[]> {
  const bytes = await readCapped(path, MAX_CASES_BYTES, 'cases');
  // The YAML parser is a quarter of what a command without YAML would load.
  const { parseYaml, describePlace } = await import('./yaml.ts');
  const { value, locate } = parseYaml(bytes, path, (lines) => invalid(path, lines));
  const decoder = new Decoder();
  const cases = decodeCases(decoder, value, dirname(resolve(path)));
  if (decoder.problems.length === 0) return cases;
  throw invalid(
    path,
    decoder.problems.map(
      (problem) => `${describePlace(locate(problem.path))}: ${problem.path}: expected ${problem.expected}, got ${problem.got}`,
    ),
  );
}

function invalid(path: string, lines: readonly string[]): MlsignError {
  const more = lines.length - 10;
  const shown = [...lines.slice(0, 10), ...(more > 0 ? [`and ${more} more`] : [])];
  return usage('policy-cases-invalid', `the cases are not valid: ${shown.join('; ')}`, {
    subject: path,
    suggestions: ['see docs/policy.md; schemas/policy-cases.schema.json lets an editor check it while it is written'],
  });
}

function decodeCases(decoder: Decoder, value: JsonValue, directory: string): readonly PolicyCase[] {
  const top = decoder.object(value, '');
  refuseOthers(decoder, top, ['version', 'policy', 'cases']);
  if (top.present && top.raw('version') !== 1) decoder.problem(top.at('version'), '1', top.raw('version'));
  const common = top.has('policy') ? top.string('policy') : undefined;
  const cases = top.array('cases', 1, MAX_ENTRIES).map((entry, index) => decodeCase(decoder, entry, `cases[${index}]`, directory, common));
  const seen = new Set<string>();
  for (const [index, { name }] of cases.entries()) {
    if (seen.has(name)) decoder.problem(`cases[${index}].name`, 'a name of its own', name);
    seen.add(name);
  }
  return cases;
}

function decodeCase(decoder: Decoder, value: JsonValue, path: string, directory: string, common: string | undefined): PolicyCase {
  const fields = decoder.object(value, path);
  refuseOthers(decoder, fields, FIELDS);
  const optional = (name: string, pattern?: RegExp, expected?: string) =>
    fields.has(name) ? fields.string(name, pattern, expected) : undefined;
  const policy = optional('policy') ?? common;
  if (policy === undefined && fields.present) decoder.problem(fields.at('policy'), 'a policy, here or at the top', undefined);
  return {
    name: fields.string('name', /^[^\p{Cc}#]{1,200}$/u, 'a name of one line, without "#"'),
    policy: resolve(directory, policy ?? ''),
    model: modelAt(directory, fields.string('model')),
    signatures: signatures(decoder, fields)?.map((bundle) => resolve(directory, bundle)),
    expect: fields.oneOf('expect', ['verified', 'rejected', 'undetermined']),
    finding: optional('finding', CODE, 'the code of a finding, such as file-changed'),
    at: moment(decoder, fields),
    rule: optional('rule'),
  };
}

function modelAt(directory: string, text: string): string {
  if (text.startsWith('s3://')) return text;
  return text.startsWith('file:') ? `file:${resolve(directory, text.slice('file:'.length))}` : resolve(directory, text);
}

function signatures(decoder: Decoder, fields: Fields): readonly string[] | undefined {
  if (!fields.has('signature')) return undefined;
  const value = fields.raw('signature');
  if (!Array.isArray(value)) return [fields.string('signature')];
  return strings(decoder, fields.array('signature', 1, MAX_ENTRIES), fields.at('signature'), /./s, 'a path');
}

function moment(decoder: Decoder, fields: Fields): Date | undefined {
  if (!fields.has('at')) return undefined;
  const text = fields.string('at', MOMENT, 'a day such as 2026-12-31, or a time such as 2026-12-31T12:00:00Z');
  const date = new Date(text);
  if (text === '' || (!Number.isNaN(date.getTime()) && date.toISOString().startsWith(text.replace('Z', '')))) return date;
  decoder.problem(fields.at('at'), 'a day that there is', text);
  return undefined;
}
