import assert from 'node:assert/strict';
import { appendFileSync, closeSync, ftruncateSync, openSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { DEFAULT_LIMITS, openArchive, readArchive } from '../../src/archive/index.ts';
import { MlsignError } from '../../src/core/index.ts';
import { openSource } from '../../src/model/index.ts';
import { header, longName, member, pax, readAll, tar } from '../helpers/archives.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const TOO_LARGE = { outcome: 'refused', code: 'archive-too-large' };

describe('what an archive may cost', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('counts directories that have no member of their own', async () => {
    const archive = tar(member('x', { name: 'a/b/c/d' }));
    assert.deepEqual(await readAll(archive, 'tar', { ...DEFAULT_LIMITS, members: 4 }), { 'a/b/c/d': 'x' });
    const message = 'the archive is refused: it has more files and directories than allowed';
    await assert.rejects(readAll(archive, 'tar', { ...DEFAULT_LIMITS, members: 3 }), { ...TOO_LARGE, message, subject: 'a/b/c/d' });
  });

  it('counts the characters of all names', async () => {
    const middle = `${'s'.repeat(250)}/`.repeat(15);
    const names = Array.from({ length: 1100 }, (_, i) => longName(`${i}/${middle}f`));
    const archive = tar(...names.flatMap((name) => [name, header()]));
    await assert.rejects(readAll(archive, 'tar', undefined, 1 << 20), {
      ...TOO_LARGE,
      message: 'the archive is refused: the names of its members are longer in all than mlsign keeps',
      expected: 'at most 33554432 characters',
    });
  }).timeout(60_000);

  it('counts bytes that belong to no member', async () => {
    const limits = { ...DEFAULT_LIMITS, bytes: 10_000 };
    const message = 'the archive is refused: it holds more bytes than allowed';
    const end = Buffer.concat([tar(member('x')), Buffer.alloc(30_000)]);
    await assert.rejects(readAll(end, 'tar', limits, 1000), { ...TOO_LARGE, message });
    const headers = tar(...Array.from({ length: 20 }, () => pax({ comment: 'x' }, 'g')), member('x'));
    await assert.rejects(readAll(headers, 'tar', limits), { ...TOO_LARGE, message, subject: 'byte 10240' });
  });

  it('is no ratio where little is unpacked', async () => {
    const content = Buffer.alloc(2 ** 20);
    const archive = gzipSync(tar(member(content)), { level: 9 });
    assert.ok(archive.length * DEFAULT_LIMITS.ratio < content.length);
    assert.deepEqual(Object.keys(await readAll(archive, 'tar.gz')), ['file']);
  });

  it('counts the shards of all files together', async () => {
    const path = sandbox.path('shards.tar.gz');
    writeFileSync(path, gzipSync(tar(member('abc', { name: 'a' }), member(Buffer.alloc(1_000_000), { name: 'b' }))));
    const hashed = await openArchive(await openSource(path))?.contents.hash(() => true, { algorithm: 'sha256', shardSize: 1 });
    const [a, b] = hashed?.members.map(({ result }) => result) ?? [];
    assert.equal(a !== undefined && 'digests' in a && a.digests.length, 3);
    const refused = b !== undefined && 'error' in b ? b.error : undefined;
    assert.ok(refused instanceof MlsignError);
    assert.deepEqual(
      [refused.code, refused.message, refused.subject],
      ['too-many-shards', 'the model has more shards than a manifest can hold', 'b'],
    );
  });

  it('is told by member where it ends inside one, read or passed over', async () => {
    const path = sandbox.path('short.tar');
    const whole = tar(member('x', { name: 'first' }), member(Buffer.alloc(512 * 100), { name: 'cut' }));
    writeFileSync(path, whole.subarray(0, 512 * 20));
    const archive = openArchive(await openSource(path));
    await assert.rejects(async () => await archive?.contents.hash(() => false, { algorithm: 'sha256' }), {
      code: 'archive-truncated',
      message: 'the archive is refused: it ends inside a member',
      subject: 'cut',
    });
  });

  it('lets go of where its bytes come from, whenever nobody wants more', async () => {
    for (const [format, bytes] of [
      ['tar', tar(member('x'), member('y', { name: 'other' }))],
      ['tar.gz', gzipSync(tar(member('x'), member('y', { name: 'other' })))],
    ] as const) {
      let isClosed = false;
      const chunks = async function* () {
        try {
          for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
        } finally {
          isClosed = true;
        }
      };
      for await (const _ of readArchive(chunks(), { format })) break;
      assert.ok(isClosed, format);
    }
  });

  it('can be interrupted where only headers and zero bytes are read', async () => {
    const path = sandbox.path('zeros.tar');
    const file = openSync(path, 'w');
    writeSync(file, member('x'));
    // Sparse: nothing of it is on the disk.
    ftruncateSync(file, 16 * 2 ** 30);
    closeSync(file);
    const interruption = new AbortController();
    const archive = openArchive(await openSource(path), { signal: interruption.signal });
    setTimeout(() => interruption.abort(), 20);
    await assert.rejects(async () => await archive?.contents.hash(() => true, { algorithm: 'sha256' }), { outcome: 'interrupted' });
  }).timeout(10_000);
});

describe('an archive that changes while its headers are read', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  for (const [what, change] of [
    ['in size', (path: string) => appendFileSync(path, Buffer.alloc(512))],
    ['in time', (path: string) => utimesSync(path, 1, 1)],
  ] as const) {
    it(`is refused: ${what}`, async () => {
      const path = sandbox.path('changing.tar');
      writeFileSync(path, tar(member('x')));
      const archive = openArchive(await openSource(path));
      const isWanted = () => {
        change(path);
        return false;
      };
      await assert.rejects(async () => await archive?.contents.hash(isWanted, { algorithm: 'sha256' }), {
        outcome: 'refused',
        code: 'file-changed-while-read',
        message: 'the archive changed while it was read',
        subject: path,
      });
    });
  }
});
