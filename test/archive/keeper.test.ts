import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Heads } from '../../src/archive/heads.ts';
import { openArchive } from '../../src/archive/index.ts';
import { Keeper } from '../../src/archive/keeper.ts';
import type { ArchiveMember } from '../../src/archive/read-members.ts';
import { openSource } from '../../src/model/index.ts';
import { gzip, member, tar } from '../helpers/archives.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const MIB = 1024 * 1024;

/** A file that says how large it is; nothing of it is there. */
function file(name: string, size: number): ArchiveMember {
  return { name, kind: 'file', size, mode: 0o644, offset: 0, content: () => assert.fail('is not read') };
}

describe('what is kept of an archive that goes by', () => {
  const tooLarge = (most: number, subject: string) =>
    mlsignError('file-too-large', 'a file in the archive is larger than mlsign reads', { subject, expected: `at most ${most} bytes` });

  it('is not more of one file than somebody would read', () => {
    const keeper = new Keeper(undefined);
    assert.equal(keeper.begin(file('config.json', 32 * MIB + 1)), undefined);
    assert.throws(() => keeper.bytesOf('config.json', 100 * MIB), tooLarge(32 * MIB, 'config.json'));
    assert.throws(() => keeper.bytesOf('config.json', 5), tooLarge(5, 'config.json'));
  });

  it('is not more in all, however many files there are', () => {
    const keeper = new Keeper(undefined);
    for (const name of ['a', 'b']) assert.ok(keeper.begin(file(`${name}/x.index.json`, 32 * MIB)) !== undefined);
    assert.equal(keeper.begin(file('c/x.index.json', 1)), undefined);
    assert.throws(() => keeper.bytesOf('c/x.index.json', MIB), tooLarge(MIB, 'c/x.index.json'));
  });

  it('is what is asked for often, or now', () => {
    const keeper = new Keeper('now');
    for (const name of ['now', 'model.sig', 'config.json']) {
      const take = keeper.begin(file(name, 4));
      take?.(Buffer.from('ab'));
      take?.(Buffer.from('cd'));
      assert.equal(Buffer.from(keeper.bytesOf(name, 4) ?? []).toString(), 'abcd', name);
      assert.throws(() => keeper.bytesOf(name, 3), tooLarge(3, name));
    }
    assert.equal(keeper.begin(file('weights.bin', 4)), undefined);
    assert.equal(keeper.bytesOf('weights.bin', 4), undefined);
  });

  it('is a mebibyte of the beginning of each file, and only of the first ones', () => {
    const heads = new Heads();
    for (let i = 0; i < 64; i++) {
      const take = heads.begin(file(`${i}`, 3 * MIB));
      assert.ok(take !== undefined);
      if (i === 0) for (const byte of [1, 2, 3]) take(Buffer.alloc(MIB, byte));
    }
    assert.ok(heads.of('0').equals(Buffer.alloc(MIB, 1)));
    assert.equal(heads.begin(file('64', 1)), undefined);
    assert.equal(heads.of('64').length, 0);
  });
});

describe('a file of an archive that is read whole', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  for (const [name, pack] of [
    ['model.tar', (bytes: Buffer) => bytes],
    ['model.tar.gz', gzip],
  ] as const) {
    it(`has at most so many bytes, and is a file: ${name}`, async () => {
      const path = sandbox.path(name);
      const directory = member('', { name: 'config.json/', type: '5' });
      writeFileSync(path, pack(tar(member('x'.repeat(11), { name: 'model.sig' }), directory)));
      const contents = openArchive(await openSource(path))?.contents;
      const read = async (file: string, most: number) => await contents?.read(file, most, { algorithm: 'sha256' });
      assert.equal(Buffer.from((await read('model.sig', 11)) ?? []).toString(), 'x'.repeat(11));
      await assert.rejects(read('model.sig', 10), { code: 'file-too-large', subject: 'model.sig', expected: 'at most 10 bytes' });
      assert.equal(await read('config.json', 10), undefined);
    });
  }
});
