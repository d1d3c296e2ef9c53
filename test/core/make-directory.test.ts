import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { makeDirectory } from '../../src/core/index.ts';
import { Sandbox } from '../helpers/sandbox.ts';

describe('makeDirectory', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('makes a directory and those above it, and says whether it was new', async () => {
    const path = sandbox.path('a/b/c');
    assert.equal(await makeDirectory(path, 0o700), true);
    assert.equal(statSync(path).isDirectory(), true);
    if (process.platform !== 'win32') assert.equal(statSync(sandbox.path('a')).mode & 0o777, 0o700);
    assert.equal(await makeDirectory(path), false);
  });

  it('makes nothing of a file, or below one', async () => {
    const file = sandbox.path('file');
    writeFileSync(file, '');
    await assert.rejects(makeDirectory(file), { code: 'EEXIST' });
    await assert.rejects(makeDirectory(`${file}/below`), { code: 'ENOTDIR' });
  });

  it('ends where nothing can be made, as in /proc', async function () {
    if (!existsSync('/proc/self')) this.skip();
    await assert.rejects(makeDirectory('/proc/mlsign/state'));
  });
});
