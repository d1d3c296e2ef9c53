import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ended, useBench } from './bench.ts';
import { runProgram } from './clients.ts';
import { environment } from './environment.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'interop.md'), 'utf8');

/** The commands of a section, in their order; a block that is marked otherwise starts the servers, which run already. */
function commandsOf(heading: string): readonly string[] {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`));
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
}

describe('docs/interop.md', () => {
  const bench = useBench();

  it('shows commands that work, in the order in which they stand', async function () {
    if (process.platform !== 'linux') this.skip();
    const commands = commandsOf('Signers: KMS and Sigstore');
    assert.ok(commands.length >= 6);
    const folder = bench().fresh('shell');
    await mkdir(folder);
    const script = `cd '${folder}'\n${commands.join('\n')}`;
    ended(0, await runProgram('bash', ['-euxo', 'pipefail', '-c', script], environment().variables));
  });
});
