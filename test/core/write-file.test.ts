import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { checkWritable, writeFileAtomic, writeFilesAtomic } from '../../src/core/index.ts';
import { asUser } from '../helpers/as-user.ts';
import { Sandbox } from '../helpers/sandbox.ts';

describe('a file that is written', () => {
  const sandbox = new Sandbox();
  before(() => chmodSync(sandbox.root, 0o777));
  after(() => sandbox.remove());

  it('appears whole, and leaves nothing beside it', async () => {
    const directory = sandbox.write('one', {});
    await writeFileAtomic(join(directory, 'a'), 'first', { what: 'file', overwrite: false });
    await assert.rejects(writeFileAtomic(join(directory, 'a'), 'second', { what: 'file', overwrite: false }), {
      code: 'file-exists',
      message: 'the file already exists',
    });
    await writeFileAtomic(join(directory, 'a'), 'third', { what: 'file', overwrite: true });
    assert.equal(readFileSync(join(directory, 'a'), 'utf8'), 'third');
    assert.deepEqual(readdirSync(directory), ['a']);
  });

  it('is written where the directory may be written and not be listed', async function () {
    if (process.platform === 'win32') this.skip();
    const directory = sandbox.path('drop');
    mkdirSync(directory);
    chmodSync(directory, 0o333);
    await asUser(() => writeFileAtomic(join(directory, 'a'), 'data', { what: 'file', overwrite: false }));
    chmodSync(directory, 0o755);
    assert.deepEqual(readdirSync(directory), ['a']);
  });

  it('goes into a pipe or device as it is', async function () {
    if (process.platform === 'win32') this.skip();
    await writeFileAtomic('/dev/null', 'data', { what: 'file', overwrite: true });
    assert.ok(statSync('/dev/null').isCharacterDevice());
  });
});

describe('several files', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());
  const pair = (directory: string, overwrite: boolean) =>
    ['key', 'key.pub'].map((name) => ({ path: join(directory, name), data: `new ${name}`, what: name, overwrite }));

  it('appear all', async () => {
    const directory = sandbox.write('all', { key: 'old' });
    await writeFilesAtomic(pair(directory, true));
    assert.deepEqual(readdirSync(directory), ['key', 'key.pub']);
    assert.equal(readFileSync(join(directory, 'key'), 'utf8'), 'new key');
  });

  it('are what they were where the last cannot be replaced', async () => {
    const directory = sandbox.write('old', { key: 'old key', 'key.pub/inside': '' });
    await assert.rejects(writeFilesAtomic(pair(directory, true)), { outcome: 'unavailable', subject: join(directory, 'key.pub') });
    assert.equal(readFileSync(join(directory, 'key'), 'utf8'), 'old key');
    assert.deepEqual(readdirSync(directory), ['key', 'key.pub']);
  });

  it('appear not at all where one is there already', async () => {
    const directory = sandbox.write('none', { 'key.pub': 'mine' });
    await assert.rejects(writeFilesAtomic(pair(directory, false)), { code: 'file-exists', message: 'the key.pub already exists' });
    assert.deepEqual(readdirSync(directory), ['key.pub']);
    assert.equal(readFileSync(join(directory, 'key.pub'), 'utf8'), 'mine');
  });

  it('appear not at all where one has no directory', async () => {
    const directory = sandbox.write('nowhere', {});
    const files = [...pair(directory, true), { path: join(directory, 'no', 'x'), data: '', what: 'x', overwrite: true }];
    await assert.rejects(writeFilesAtomic(files), { code: 'file-not-found' });
    assert.deepEqual(readdirSync(directory), []);
  });
});

describe('whether a file could be written', () => {
  const sandbox = new Sandbox();
  before(() => chmodSync(sandbox.root, 0o777));
  after(() => sandbox.remove());

  it('is found out without a trace', async () => {
    const directory = sandbox.write('here', { a: 'mine' });
    await checkWritable(join(directory, 'a'), 'file');
    await checkWritable(join(directory, 'b'), 'file');
    assert.deepEqual(readdirSync(directory), ['a']);
    assert.equal(readFileSync(join(directory, 'a'), 'utf8'), 'mine');
  });

  it('is denied for a directory, below none, and through links in a circle', async function () {
    await assert.rejects(checkWritable(sandbox.root, 'file'), { code: 'is-a-directory', message: 'cannot write the file: is a directory' });
    await assert.rejects(checkWritable(sandbox.path('no', 'a'), 'file'), { code: 'file-not-found' });
    if (process.platform === 'win32') this.skip();
    symlinkSync(sandbox.path('circle'), sandbox.path('circle'));
    await assert.rejects(checkWritable(sandbox.path('circle', 'a'), 'file'), {
      code: 'link-cycle',
      message: 'cannot write the file: symbolic links lead in a circle',
    });
  });

  it('is denied where the mode says so', async function () {
    if (process.platform === 'win32') this.skip();
    const directory = sandbox.path('closed');
    mkdirSync(directory, 0o555);
    await assert.rejects(
      asUser(() => checkWritable(join(directory, 'a'), 'file')),
      { code: 'permission-denied', message: 'cannot write the file: permission denied' },
    );
    assert.equal(existsSync(join(directory, 'a')), false);
  });

  it('does not open a pipe', async function () {
    if (process.platform === 'win32') this.skip();
    execFileSync('mkfifo', [sandbox.path('pipe')]);
    await checkWritable(sandbox.path('pipe'), 'file');
  });
});
