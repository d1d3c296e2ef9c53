import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ended, useBench } from './bench.ts';
import { runProgram } from './clients.ts';
import { environment } from './environment.ts';

/** The commands of a page from a heading on, in their order; a block that is marked otherwise is not for this. */
function commandsOf(name: string, heading: string): readonly string[] {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', name), 'utf8');
  const section = page.slice(page.indexOf(`\n## ${heading}\n`));
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
}

const PAGES = [
  ['interop.md', 'Signers: KMS and Sigstore'],
  ['stores.md', 'A store on disk'],
] as const;

for (const [name, heading] of PAGES) {
  describe(`docs/${name}`, () => {
    const bench = useBench();

    it('shows commands that work, in the order in which they stand', async function () {
      if (process.platform !== 'linux') this.skip();
      const commands = commandsOf(name, heading);
      assert.ok(commands.length >= 6);
      const folder = bench().fresh('shell');
      await mkdir(folder);
      const script = `cd '${folder}'\n${commands.join('\n')}`;
      const state = { XDG_STATE_HOME: join(folder, 'state') };
      ended(0, await runProgram('bash', ['-euxo', 'pipefail', '-c', script], { ...environment().variables, ...state }));
    });
  });
}
