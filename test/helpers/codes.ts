import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** Codes that are put together of parts: what stands in the sources, and what comes of it. */
const COMPOSED: Readonly<Record<string, readonly string[]>> = {
  'src/app/check-claims.ts ${what}-omitted': ['base-omitted', 'dataset-omitted'],
  'src/app/check-claims.ts ${what}-differs': ['base-differs', 'dataset-differs'],
  'src/app/compose-provenance.ts ${field}-differs': ['builder-differs', 'invocation-differs', 'parameter-differs', 'metric-differs'],
  'src/app/read-ci-environment.ts ${what}-unknown': ['builder-unknown', 'code-unknown'],
  'src/cli/provenance.ts ${flag}-malformed': ['param-malformed', 'metric-malformed'],
  'src/verify/evidence.ts ${kind}-malformed': ['timestamp-malformed', 'log-entry-malformed'],
};

/** Codes that stand elsewhere than all others do: keys of a table. */
const KEYS = { path: 'src/model/compare-findings.ts', pattern: /^ {2}'(unsigned-[a-z]+)': \[/gm };

const CODE = `'([a-z][a-z0-9]*(?:-[a-z0-9]+)+|usage|interrupted)'`;

/** Where a code may stand: as an argument of those that make errors, in rows of tables, as a field. */
const PLACES = [
  `\\b(?:refused|usage|unavailable)\\(\\s*${CODE}`,
  `\\[\\s*(?:refused|usage|unavailable),\\s*${CODE}`,
  `new EvidenceError\\(\\s*${CODE}`,
  `new MlsignError\\([^,]*,\\s*${CODE}`,
  `\\.(?:finish|error)\\(\\s*${CODE}`,
  // Rows of tables: `ENOENT: ['file-not-found', 'no such file …`, `early ? ['a', 'the …'] : ['b', …`.
  `(?:[\\w']: |[?:=] )\\[${CODE}, '[^']* `,
  `\\?\\? \\[${CODE}, `,
  `const MALFORMED = ${CODE}`,
];

/** `code: 'a'`, `const code = test ? 'a' : 'b'`. */
const FIELD = /\b(?:code|refusedCode)(?:: | = )(`[^`]*`|[^,\n{}]*(?:\?[^,;{}]*)?)/g;

/** A function that is given a code, and as which of its arguments. */
interface Maker {
  readonly name: string;
  readonly path: string;
  readonly isExported: boolean;
  readonly index: number;
}

/** Every code of a finding or an error in the sources, and the files in which it stands. */
export function codesInSources(): ReadonlyMap<string, ReadonlySet<string>> {
  const files = globSync('src/**/*.ts', { cwd: root }).map((path) => path.replaceAll('\\', '/'));
  const texts = files
    .filter((path) => !path.startsWith('src/report/explanations/'))
    .map((path) => ({ path, text: withoutComments(readFileSync(join(root, path), 'utf8')) }));
  const found = new Map<string, Set<string>>();
  const add = (code: string, path: string) => found.set(code, (found.get(code) ?? new Set()).add(path));
  const makers = texts.flatMap(({ path, text }) => makersOf(path, text));
  for (const { path, text: original } of texts) {
    const text = withoutAliases(original);
    for (const place of PLACES) for (const [, code = ''] of text.matchAll(new RegExp(place, 'g'))) add(code, path);
    for (const [, value = ''] of text.matchAll(FIELD)) for (const code of codesOfValue(value, path)) add(code, path);
    for (const { name, index, ...maker } of makers) {
      if (!maker.isExported && maker.path !== path) continue;
      // Arguments before the code may be calls themselves.
      const argument = String.raw`(?:[^'();]|\([^'()]*\))*?,\s*`;
      for (const [, code = ''] of text.matchAll(new RegExp(`\\b${name}\\(\\s*(?:${argument}){${index}}${CODE}`, 'g'))) add(code, path);
    }
    if (path === KEYS.path) for (const [, code = ''] of text.matchAll(KEYS.pattern)) add(code, path);
    for (const [, template = ''] of text.matchAll(/(?:usage|refused|unavailable)\(`([^`]*)`/g))
      for (const code of composed(path, template)) add(code, path);
  }
  return found;
}

function codesOfValue(value: string, path: string): readonly string[] {
  if (value.startsWith('`')) return composed(path, value.slice(1, -1));
  // What is compared is no code that is given: `kind === 'x' ? 'a' : 'b'`.
  return [...value.replace(/[!=]== '[^']*'/g, '').matchAll(new RegExp(CODE, 'g'))].map(([, code = '']) => code);
}

function composed(path: string, template: string): readonly string[] {
  const codes = COMPOSED[`${path} ${template}`];
  if (codes === undefined) throw new Error(`say in test/helpers/codes.ts what comes of \`${template}\` in ${path}`);
  return codes;
}

function makersOf(path: string, text: string): readonly Maker[] {
  const declared = /(export (?:async )?)?(?:function (\w+)|const (\w+) = )(?:<[^>]*>)?\(([^)]*?)\b(?:code|\w+Code): string/g;
  return [...text.matchAll(declared)].flatMap(([, exported, name, constant, before = '']) => {
    const maker = name ?? constant ?? '';
    if (['refused', 'usage', 'unavailable'].includes(maker)) return [];
    return [{ name: maker, path, isExported: exported !== undefined, index: before.split(',').length - 1 }];
  });
}

/** `import { rejectCertificate as reject }`: the calls as if they had the maker's own name. */
function withoutAliases(text: string): string {
  return [...text.matchAll(/^import \{[^}]*?\b(\w+) as (\w+)\b[^}]*\} from/gm)].reduce(
    (known, [, name = '', alias = '']) => known.replace(new RegExp(`\\b${alias}\\(`, 'g'), `${name}(`),
    text,
  );
}

function withoutComments(text: string): string {
  return text.replace(/^\s*(\/\*[\s\S]*?\*\/|\/\/.*$)/gm, '');
}
