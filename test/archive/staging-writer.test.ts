import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { MemberHasher } from '../../src/archive/member-hasher.ts';
import type { ArchiveMember } from '../../src/archive/read-members.ts';
import { StagingWriter } from '../../src/archive/staging-writer.ts';
import { sha256Hex } from '../../src/core/index.ts';
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

  function member(content: () => AsyncGenerator<Buffer, void, undefined>): ArchiveMember {
    return { name: 'file', kind: 'file', size: 0, mode: 0o777, offset: 0, content };
  }

  function fresh() {
    const root = sandbox.write(`${++serial}`, {});
    const writer = new StagingWriter(root);
    const write = (name: string, content: () => AsyncGenerator<Buffer, void, undefined>) =>
      writer.write(`${root}/${name}`, member(content), hasher, () => {});
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
