import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

const REQUIRE = /^const (\w+) = ((?:__importDefault\(|__importStar\()?require\("[^"]+"\)\)?);$/gm;

/**
 * Makes each `const x = require(…)` inside @oclif/core happen where `x` is first used, as Babel's `lazy` option does: a
 * command then starts without help, theme, spinner and plugin search (27 ms less, of 60). `wsl-utils` only tells the
 * platform's name under WSL and looks for a PowerShell at every start on Windows.
 */
export const lazyOclif: Plugin = {
  name: 'lazy-oclif',
  setup(build) {
    build.onResolve({ filter: /^wsl-utils$/ }, ({ path }) => ({ path, namespace: 'left-out' }));
    build.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'export const isWsl = false;' }));
    build.onLoad({ filter: /[\\/]@oclif[\\/]core[\\/]lib[\\/].*\.js$/ }, async ({ path }) => ({
      contents: makeLazy(await readFile(path, 'utf8')),
    }));
  },
};

/** The transformation of one CommonJS file as TypeScript writes it. */
export function makeLazy(source: string): string {
  const names: string[] = [];
  const declared = source.replace(REQUIRE, (_line, name: string, value: string) => {
    names.push(name);
    return `const ${name} = () => ${value};`;
  });
  return names.reduce((text, name) => text.replace(new RegExp(`(?<!const )\\b${name}\\b`, 'g'), `(${name}())`), declared);
}
