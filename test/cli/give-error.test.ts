import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, rmdirSync } from 'node:fs';
import { BIN } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';

describe('an error that cannot be told', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('keeps its exit code where standard output is full, and says that too', function () {
    if (!existsSync('/dev/full')) this.skip();
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [BIN, 'hash', sandbox.path('none'), '--json'], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    assert.equal(status, 3);
    assert.match(stderr, /^error: .*\[file-not-found\]\n {2}try .*\nerror: .*standard output \[disk-full\]\n {2}try .*\n$/);
  });

  it('is no bug where it is the help that standard output cannot take', function () {
    if (!existsSync('/dev/full')) this.skip();
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [BIN, '--help'], { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
    assert.equal(status, 3);
    assert.match(stderr, /^error: cannot write the result: no space left on the device: standard output \[disk-full\]\n/);
  });

  it('keeps its exit code where standard error is full', function () {
    if (!existsSync('/dev/full')) this.skip();
    const full = openSync('/dev/full', 'w');
    assert.equal(spawnSync(process.execPath, [BIN, 'hash', 'x', '--frob'], { stdio: ['ignore', 'ignore', full] }).status, 2);
  });

  it('tells of a working directory that is gone', function () {
    if (process.platform === 'win32') this.skip();
    mkdirSync(sandbox.path('gone'));
    const script = 'cd "$1" && rmdir "$1" && exec "$2" "$3" hash .';
    const { status, stderr } = spawnSync('sh', ['-c', script, 'sh', sandbox.path('gone'), process.execPath, BIN], { encoding: 'utf8' });
    if (existsSync(sandbox.path('gone'))) rmdirSync(sandbox.path('gone'));
    assert.equal(status, 3);
    assert.match(stderr, /\[directory-gone\]/);
  });
});
