import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { openToUnpack } from '../../src/archive/index.ts';
import { MemberHasher } from '../../src/archive/member-hasher.ts';
import type { ArchiveMember } from '../../src/archive/read-members.ts';
import { StagingWriter } from '../../src/archive/staging-writer.ts';
import { sha256Hex } from '../../src/core/index.ts';
import { openSource } from '../../src/model/index.ts';
import { member, tar } from '../helpers/archives.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const MIB = 1024 * 1024;

describe('files of an archive that are written while they are hashed', () => {
  const sandbox = new Sandbox();
  let hasher: MemberHasher;
  let serial = 0;
  after(() => sandbox.remove());
  before(async () => {
    hasher = await MemberHasher.of({ algorithm: 'sha256' }, 0);
  });

  function coming(content: () => AsyncGenerator<Buffer, void, undefined>): ArchiveMember {
    return { name: 'file', kind: 'file', size: 0, mode: 0o777, offset: 0, content };
  }

  function fresh() {
    const root = sandbox.write(`${++serial}`, {});
    const writer = new StagingWriter(root);
    const write = (name: string, content: () => AsyncGenerator<Buffer, void, undefined>) =>
      writer.write(`${root}/${name}`, coming(content), hasher, () => {});
    return { root, writer, write };
  }

  it('are those that came, in pieces small and large, and plain', async () => {
    const { root, writer, write } = fresh();
    const pieces = [MIB, 10, 64 * 1024, 64 * 1024 + 1, 3 * MIB].map((size, i) => Buffer.alloc(size, `${i}`));
    for (const [i, name] of ['a', 'sub/b', 'sub/deep/c'].entries()) {
      const mine = pieces.slice(i);
      const result = await write(name, async function* () {
        yield* mine;
      });
      assert.deepEqual('digests' in result && result.digests, [sha256Hex(Buffer.concat(mine))]);
      assert.ok(readFileSync(`${root}/${name}`).equals(Buffer.concat(mine)), name);
      assert.equal(statSync(`${root}/${name}`).mode & 0o133, 0);
    }
    await writer.settle();
    writer.refuseFailed();
  });

  it('are closed when they are flushed, also where the archive ends in the middle', async function () {
    if (process.platform !== 'linux') this.skip();
    const { writer, write } = fresh();
    const handles = () => readdirSync('/proc/self/fd').length;
    const before = handles();
    for (let turn = 0; turn < 40; turn++) {
      await assert.rejects(
        write(`${turn}`, async function* () {
          yield Buffer.alloc(MIB);
          throw new Error('cut short');
        }),
        { message: 'cut short' },
      );
    }
    await writer.settle();
    assert.equal(handles(), before);
  });

  it('wait for the disk a few at a time', async function () {
    if (process.platform !== 'linux') this.skip();
    const { writer, write } = fresh();
    const handles = () => readdirSync('/proc/self/fd').length;
    const before = handles();
    let most = 0;
    for (let i = 0; i < 200; i++) {
      await write(`${i}`, async function* () {
        yield Buffer.from('small');
      });
      most = Math.max(most, handles() - before);
    }
    await writer.settle();
    assert.ok(most <= 8, `${most} were open`);
  });

  it('are all on the disk when the archive is hashed, and read there up to a limit', async function () {
    if (process.platform !== 'linux') this.skip();
    const handles = () => readdirSync('/proc/self/fd').length;
    const path = sandbox.path('model.tar');
    writeFileSync(path, tar(...Array.from({ length: 20 }, (_, i) => member('12345', { name: `${i}` }))));
    const before = handles();
    const contents = openToUnpack(await openSource(path), sandbox.write('staged', {}))?.contents;
    const hashed = await contents?.hash(() => true, { algorithm: 'sha256' });
    assert.equal(handles(), before);
    assert.equal(hashed?.members.length, 20);
    const read = async (most: number) => await contents?.read('7', most, { algorithm: 'sha256' });
    assert.equal(Buffer.from((await read(5)) ?? []).toString(), '12345');
    await assert.rejects(read(4), { code: 'file-too-large', subject: '7', expected: 'at most 4 bytes', got: '5 bytes' });
  });

  it('never go through a link', async () => {
    const { root, write } = fresh();
    sandbox.write('elsewhere', { target: 'mine' });
    symlinkSync(sandbox.path('elsewhere', 'target'), `${root}/link`);
    const through = write('link', async function* () {
      yield Buffer.from('theirs');
    });
    await assert.rejects(through, { code: 'file-error', message: /^cannot unpack the file: /, subject: 'file' });
    assert.equal(readFileSync(sandbox.path('elsewhere', 'target'), 'utf8'), 'mine');
  });
});
