import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { Sandbox } from './helpers/sandbox.ts';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const run = promisify(execFile);

/** The fenced blocks of one language. */
function blocks(language: string): readonly string[] {
  return [...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].filter((match) => match[1] === language).map((match) => match[2] ?? '');
}

describe('README.md', function () {
  this.timeout(60_000);
  const sandbox = new Sandbox();
  const cwd = sandbox.path('work');
  const env = {
    ...process.env,
    XDG_STATE_HOME: sandbox.path('state'),
    PATH: `${sandbox.path('bin')}${delimiter}${process.env.PATH ?? ''}`,
  };

  before(async function () {
    // The examples are for a POSIX shell, and one makes certificates with OpenSSL.
    if (process.platform === 'win32') this.skip();
    try {
      execFileSync('openssl', ['version']);
    } catch {
      this.skip();
    }
    sandbox.write('work/my-model', { 'model.bin': 'weights', 'config.json': '{}' });
    await mkdir(sandbox.path('bin'));
    await mkdir(join(cwd, 'node_modules'));
    await writeFile(sandbox.path('bin/mlsign'), `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'bin/run.js')}" "$@"\n`, {
      mode: 0o755,
    });
    symlinkSync(root, join(cwd, 'node_modules/mlsign'), 'dir');
  });
  after(() => sandbox.remove());

  it('shows commands that work, in the order in which they stand', async () => {
    const shown = blocks('sh');
    assert.ok(shown.length >= 5);
    for (const block of shown) await run('bash', ['-euo', 'pipefail', '-c', block], { cwd, env });
  });

  it('shows a program that works', async () => {
    const [program = '', ...others] = blocks('js');
    assert.deepEqual(others, []);
    await writeFile(join(cwd, 'program.mjs'), program);
    const { stdout } = await run(process.execPath, ['program.mjs'], { cwd, env });
    assert.match(stdout, /^[0-9a-f]{64} verified 0\n$/);
  });

  it('links to what is there', () => {
    for (const [, target = ''] of readme.matchAll(/\]\(([^)#]+)\)/g)) {
      if (!target.startsWith('https://')) assert.ok(existsSync(join(root, target)), target);
    }
  });

  it('has every command in its table, and no other', () => {
    const [, table = ''] = /^## Commands\n([\s\S]*?)\n## /m.exec(readme) ?? [];
    const rows = table.split('\n').filter((line) => line.startsWith('| ') && line.includes('`'));
    const named = rows.flatMap((row) => [...row.matchAll(/`([a-z ]+)`/g)].map(([, name]) => name));
    const { commands } = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8'));
    const own = Object.keys(commands).filter((id) => id !== 'explain' && !id.startsWith('autocomplete'));
    assert.deepEqual(named.toSorted(), own.map((id) => id.replace(':', ' ')).toSorted());
  });

  it('names npm scripts that are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    for (const [, script = ''] of readme.matchAll(/npm run ([\w:]+)/g)) assert.ok(script in scripts, script);
  });
});
