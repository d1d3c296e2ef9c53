import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { isSame, withArchive } from '../../src/archive/archive-handle.ts';
import { openArchive } from '../../src/archive/index.ts';
import { openSource } from '../../src/model/index.ts';
import { gzip, member, tar } from '../helpers/archives.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const SHA256 = { algorithm: 'sha256' } as const;

describe('an archive that is opened', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  const refused = (path: string) => mlsignError('not-a-file', 'not a regular file', { outcome: 'refused', subject: path });

  it('is nothing to wait for where a pipe has taken its place', async function () {
    if (process.platform === 'win32') this.skip();
    const path = sandbox.path('pipe.tar');
    execFileSync('mkfifo', [path]);
    // Whoever waits for a writer gets one in the end, so that the test does.
    const late = setTimeout(() => closeSync(openSync(path, constants.O_RDWR | constants.O_NONBLOCK)), 3000);
    const began = performance.now();
    await assert.rejects(
      withArchive(path, async () => undefined),
      refused(path),
    );
    clearTimeout(late);
    assert.ok(performance.now() - began < 2500, 'waited for a writer');
  });

  it('is no directory', async function () {
    if (process.platform === 'win32') this.skip();
    const path = sandbox.path('directory.tar');
    mkdirSync(path);
    await assert.rejects(
      withArchive(path, async () => undefined),
      refused(path),
    );
  });

  it('is closed again, whatever becomes of it', async function () {
    if (process.platform !== 'linux') this.skip();
    const path = sandbox.path('closed.tar');
    writeFileSync(path, tar(member('x')));
    const handles = () => readdirSync('/proc/self/fd').length;
    const before = handles();
    for (let turn = 0; turn < 20; turn++) {
      await withArchive(path, async () => undefined);
      await assert.rejects(
        withArchive(path, () => Promise.reject(new Error('no'))),
        { message: 'no' },
      );
    }
    assert.ok(handles() < before + 20, `${handles()} are open, ${before} were`);
  });

  it('is the same only in size, time, number and disk', () => {
    const identity = { size: 1, mtimeMs: 2, ino: 3, dev: 4 };
    assert.ok(isSame(identity, { ...identity }));
    for (const other of [{ size: 2 }, { mtimeMs: 3 }, { ino: 4 }, { dev: 5 }]) {
      assert.ok(!isSame(identity, { ...identity, ...other }), Object.keys(other)[0]);
    }
  });
});

describe('an archive that is replaced after it was hashed', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  for (const [name, pack] of [
    ['model.tar', (bytes: Buffer) => bytes],
    ['model.tar.gz', gzip],
  ] as const) {
    it(`is hashed anew, and what was kept of it forgotten: ${name}`, async () => {
      const path = sandbox.path(name);
      const write = (content: string, to = path) => {
        writeFileSync(to, pack(tar(member(content, { name: 'config.json' }))));
        utimesSync(to, 1, 1);
      };
      write('{"a":1}');
      const contents = openArchive(await openSource(path))?.contents;
      assert.ok(contents !== undefined);
      const read = async () => Buffer.from((await contents.read('config.json', 100, SHA256)) ?? []).toString();
      const hash = async () => (await contents.hash(() => true, SHA256)).members[0]?.result;
      const first = await hash();
      assert.equal(await read(), '{"a":1}');
      // Of the same size and time: only its number on the disk tells it.
      write('{"a":2}', `${path}.new`);
      renameSync(`${path}.new`, path);
      assert.equal(await read(), '{"a":2}');
      assert.notDeepEqual(await hash(), first);
    });
  }
});
