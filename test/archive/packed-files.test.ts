import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { openArchive } from '../../src/archive/index.ts';
import { openSource } from '../../src/model/index.ts';
import { gzip, member, tar } from '../helpers/archives.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const MIB = 1024 * 1024;

describe('a file in a compressed archive', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());
  const content = randomBytes(3 * MIB + 100);
  const bytes = gzipSync(tar(member('first', { name: 'a' }), member(content, { name: 'b' })), { level: 1 });

  async function open(name: string) {
    const path = sandbox.path(name);
    writeFileSync(path, bytes);
    const archive = openArchive(await openSource(path));
    assert.ok(archive !== undefined);
    const { members } = await archive.contents.hash(() => true, { algorithm: 'sha256' });
    const packed = members.find((entry) => entry.name === 'b')?.packed;
    assert.ok(packed !== undefined);
    return { path, archive, packed };
  }

  it('is read at any place', async () => {
    const { packed } = await open('any.tar.gz');
    assert.equal(packed.size, content.length);
    await packed.lend(async (readInto) => {
      for (const [offset, length] of [
        [0, 10],
        [2 * MIB, 1000],
        [MIB - 5, 10],
        [content.length - 4, 100],
        [5, MIB + 5],
        [content.length, 1],
      ] as const) {
        const buffer = Buffer.alloc(length);
        const got = await readInto(buffer, offset);
        assert.deepEqual(buffer.subarray(0, got), content.subarray(offset, offset + length));
      }
    });
  });

  it('is not unpacked over and over', async () => {
    const { path, packed } = await open('often.tar.gz');
    const buffer = Buffer.alloc(10);
    const back = packed.lend(async (readInto) => {
      for (let turn = 0; turn < 100; turn++) for (const offset of [2 * MIB, MIB + 1]) await readInto(buffer, offset);
    });
    await assert.rejects(back, {
      outcome: 'unavailable',
      code: 'archive-not-seekable',
      message: 'to look at what lies in it, the archive would have to be unpacked over and over',
      subject: path,
    });
  }).timeout(30_000);

  it('is not believed where the archive has changed since it was hashed', async () => {
    const { path, packed } = await open('changed.tar.gz');
    const change = packed.lend(async (readInto) => {
      await readInto(Buffer.alloc(10), 0);
      writeFileSync(path, gzip(tar(member('other'))));
    });
    await assert.rejects(change, { code: 'file-changed-while-read', message: 'the archive changed while it was read', subject: path });
  });

  it('holds nothing open when it was read', async function () {
    if (process.platform !== 'linux') this.skip();
    const { packed } = await open('closed.tar.gz');
    const handles = () => readdirSync('/proc/self/fd').length;
    const before = handles();
    for (let turn = 0; turn < 2; turn++) await packed.lend((readInto) => readInto(Buffer.alloc(10), 2 * MIB));
    assert.equal(handles(), before);
  });

  it('is not unpacked again where another archive has taken the place of the one that was hashed', async () => {
    const { path, packed } = await open('replaced.tar.gz');
    writeFileSync(path, 'no archive');
    await assert.rejects(
      packed.lend((readInto) => readInto(Buffer.alloc(10), 2 * MIB)),
      { code: 'file-changed-while-read', message: 'the archive changed while it was read', subject: path },
    );
  });

  it('is hashed anew where it is asked for in another way', async () => {
    const { archive } = await open('ways.tar.gz');
    const shards = async (shardSize?: number) => {
      const { members } = await archive.contents.hash(() => true, { algorithm: 'sha256', shardSize });
      const result = members.find(({ name }) => name === 'b')?.result;
      return result !== undefined && 'digests' in result ? result.digests.length : 0;
    };
    assert.deepEqual([await shards(), await shards(MIB), await shards()], [1, 4, 1]);
  });

  it('is read whole where it is small, and only then', async () => {
    const { archive } = await open('whole.tar.gz');
    const options = { algorithm: 'sha256' } as const;
    assert.equal(Buffer.from((await archive.contents.read('a', 10, options)) ?? []).toString(), 'first');
    assert.equal(await archive.contents.read('none', 10, options), undefined);
    await assert.rejects(archive.contents.read('b', 10, options), { code: 'file-too-large', subject: 'b' });
  });
});

describe('the name of a file', () => {
  it('tells an archive', async () => {
    const sandbox = new Sandbox();
    try {
      sandbox.write('.', { 'a.tar': '', 'a.TAR.GZ': '', 'a.tgz': '', 'a.tar.xz': '', tar: '', '.tar': '' });
      const names = ['a.tar', 'a.TAR.GZ', 'a.tgz', 'a.tar.xz', 'tar', '.tar'].map(
        async (name) => openArchive(await openSource(sandbox.path(name)))?.name,
      );
      assert.deepEqual(await Promise.all(names), ['a', 'a', 'a', undefined, undefined, '.tar']);
    } finally {
      sandbox.remove();
    }
  });
});
