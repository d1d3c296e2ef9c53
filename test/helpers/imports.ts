/** One `import` or `export … from` of a source file. */
export interface ImportSite {
  readonly specifier: string;
  /** `import type`: nothing is loaded. */
  readonly isType: boolean;
  /** `import(…)`: loaded when the line runs. */
  readonly isDynamic: boolean;
}

const STATIC = /^(?:import|export)(?: (type)\b)?(?:[^'"`;()]*? from)? ?'([^']+)'/gm;
const DYNAMIC = /\bimport\(('[^']+'(?=,)|[^)]*)[^)]*\)/g;
const INLINE_TYPE = /\bimport\('[^']+'\)\.[A-Z]/g;

/**
 * What a formatted source file imports. Biome's format is what makes a regular expression enough: statements start a
 * line, and strings have single quotes.
 */
export function importsOf(source: string): readonly ImportSite[] {
  const text = source.replace(/^\s*(\/\*[\s\S]*?\*\/|\/\/.*$)/gm, '');
  const types = new Set([...text.matchAll(INLINE_TYPE)].map((match) => match.index));
  const sites: ImportSite[] = [];
  for (const [, type, specifier = ''] of text.matchAll(STATIC)) sites.push({ specifier, isType: type !== undefined, isDynamic: false });
  for (const match of text.matchAll(DYNAMIC)) {
    const argument = match[1] ?? '';
    const isLiteral = /^'[^']+'$/.test(argument);
    sites.push({ specifier: isLiteral ? argument.slice(1, -1) : '(computed)', isType: types.has(match.index), isDynamic: true });
  }
  return sites;
}
