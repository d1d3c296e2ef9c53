import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { BIN } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const PAGES = ['lineage', 'incident'];

/** What comes out of each block of a page, as a shell runs it. */
describe('docs/lineage.md and docs/incident.md', function () {
  this.timeout(120_000);
  if (process.platform === 'win32') return;
  const sandbox = new Sandbox();
  const env = {
    ...process.env,
    XDG_STATE_HOME: sandbox.path('state'),
    NO_COLOR: '1',
    PATH: `${sandbox.path('bin')}${delimiter}${process.env.PATH ?? ''}`,
  };
  before(() => {
    mkdirSync(sandbox.path('bin'));
    mkdirSync(sandbox.path('work'));
    writeFileSync(sandbox.path('bin', 'mlsign'), `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
    chmodSync(sandbox.path('bin', 'mlsign'), 0o755);
  });
  after(() => sandbox.remove());

  for (const page of PAGES) {
    const text = readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), 'utf8');
    const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
    for (const [index, block] of blocks.entries()) {
      const [first = ''] = block.split('\n');
      it(`${page}.md, block ${index + 1} of ${blocks.length}: ${first}`, () => {
        const run = spawnSync('sh', ['-e', '-c', block], { cwd: sandbox.path('work'), env, encoding: 'utf8' });
        assert.equal(run.status, 0, `${block}\n${run.stdout}\n${run.stderr}`);
        if (process.env.MLSIGN_SHOW_DOCS !== undefined) process.stdout.write(`${run.stdout}${run.stderr}\n`);
      });
    }
  }

  it('what is affected is rejected, and what was rolled back to is verified by the list', () => {
    const evidence = JSON.parse(readFileSync(sandbox.path('work', 'evidence.json'), 'utf8'));
    assert.equal(evidence.verdict, 'verified');
    assert.deepEqual([evidence.revocations[0].sequence, evidence.revocations[0].entries], [3, 1]);
    assert.equal(evidence.stored.release.number, 1);
  });
});
