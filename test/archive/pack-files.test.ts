import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type FileToPack, type PackedContent, type PackOptions, packFiles, refuseUnpackable } from '../../src/archive/index.ts';
import { encodeHeader } from '../../src/archive/pack-header.ts';
import { sha256Hex } from '../../src/core/index.ts';
import { identityOf } from '../../src/digest/index.ts';
import { readAll } from '../helpers/archives.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const LONG = `${'directory/'.repeat(9)}${'n'.repeat(90)}.bin`;
const VERY_LONG = `${'directory/'.repeat(12)}${'n'.repeat(120)}.bin`;
const FILES = {
  'a.bin': Buffer.alloc(3_000_001, 'weights '),
  empty: '',
  'sub/é.txt': 'hi',
  'with space': ' ',
  [LONG]: 'long',
  [VERY_LONG]: 'very long',
};

describe('packing', () => {
  const sandbox = new Sandbox();
  const model = sandbox.write('model', FILES);
  after(() => sandbox.remove());

  const list = (root: string): readonly FileToPack[] =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => ({ name, path: join(root, name), stats: statSync(join(root, name)) }))
      .filter(({ stats }) => stats.isFile())
      .map(({ name, path, stats }) => ({ name, path, identity: identityOf(stats) }));

  async function pack(files: readonly FileToPack[], options: Partial<PackOptions> = {}): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of packFiles(files, { format: 'tar', algorithm: 'sha256', ...options })) pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces);
  }

  it('gives what every reader unpacks to the same files', async () => {
    for (const format of ['tar', 'tar.gz'] as const) {
      const archive = await pack(list(model), { format });
      const expected = Object.fromEntries(Object.entries(FILES).map(([name, content]) => [name, Buffer.from(content).toString('latin1')]));
      assert.deepEqual(await readAll(archive, format), expected);
      const path = sandbox.path(`made.${format}`);
      writeFileSync(path, archive);
      for (const [tool, ...args] of [
        ['tar', '-xf', path, '-C'],
        ['bsdtar', '-xf', path, '-C'],
        ['python3', '-m', 'tarfile', '-e', path],
      ] as const) {
        if (spawnSync(tool, ['--version']).error !== undefined) continue;
        const out = sandbox.path(`${tool}-${format}`);
        mkdirSync(out);
        const run = spawnSync(tool, [...args, out], { encoding: 'utf8' });
        assert.deepEqual([run.status, run.stderr], [0, ''], tool);
        execFileSync('diff', ['-r', model, out]);
      }
    }
  });

  it('gives the same bytes for the same files, whoever has them and however many cores work', async () => {
    const copy = sandbox.copy('model', 'copy');
    for (const { path } of list(copy)) {
      chmodSync(path, 0o700);
      utimesSync(path, 1e9, 1e9);
    }
    const archive = await pack(list(model), { format: 'tar.gz', workers: 1 });
    for (const workers of [2, 3, 16]) assert.ok(archive.equals(await pack(list(copy), { format: 'tar.gz', workers })), `${workers}`);
    assert.ok((await pack(list(model))).equals(await pack(list(copy))));
    assert.ok(gunzipSync(archive).equals(await pack(list(model))), 'what is compressed is the same stream');
    assert.deepEqual(archive.subarray(0, 10), Buffer.from('1f8b08000000000000ff', 'hex'), 'no name, no time, no system');
  });

  it('compresses as one gzip member, of any length and at every level', async () => {
    const block = 512 * 1024;
    for (const size of [0, 1, block - 2048, block - 2047, block, 3 * block, 3 * block + 1]) {
      const path = sandbox.path('sized');
      writeFileSync(path, Buffer.alloc(size, 'ab'));
      const files = [{ name: 'sized', path, identity: identityOf(statSync(path)) }];
      for (const level of [0, 1, 6, 9]) {
        const archive = await pack(files, { format: 'tar.gz', level });
        assert.equal((await readAll(archive, 'tar.gz')).sized?.length, size, `${size} at ${level}`);
      }
    }
  });

  it('hashes what it packs, and asks for a last member with the digests', async () => {
    for (const [algorithm, shardSize] of [
      ['sha256', undefined],
      ['blake3', undefined],
      ['sha256', 1_000_000],
    ] as const) {
      const told: PackedContent[] = [];
      const finish = async (content: PackedContent) => {
        told.push(content);
        return { name: 'model.sig', bytes: Buffer.from('signature') };
      };
      const archive = await pack(list(model), { algorithm, shardSize, finish });
      const content = await readAll(archive);
      assert.equal(Object.keys(content).at(-1), 'model.sig');
      assert.equal(content['model.sig'], 'signature');
      assert.equal(told.length, 1);
      if (algorithm !== 'sha256') continue;
      const expected = list(model).map(({ path }) => {
        const bytes = readFileSync(path);
        if (shardSize === undefined) return [sha256Hex(bytes)];
        const shards = Math.ceil(bytes.length / shardSize);
        return Array.from({ length: shards }, (_, i) => sha256Hex(bytes.subarray(i * shardSize, (i + 1) * shardSize)));
      });
      assert.deepEqual(told[0]?.digests, expected);
    }
  });

  it('writes the time that it is given', async () => {
    const path = sandbox.path('dated.tar');
    writeFileSync(path, await pack(list(model), { mtime: 1_000_000_000 }));
    const listed = execFileSync('tar', ['--utc', '--full-time', '-tvf', path], { encoding: 'utf8' });
    assert.equal(listed.match(/^-rw-r--r-- 0\/0 .* 2001-09-09 01:46:40 /gm)?.length, list(model).length);
  });

  it('refuses a file that is not, or does not stay, what was listed', async () => {
    const directory = sandbox.write('changing', { a: 'a', big: Buffer.alloc(3_000_000) });
    const refused = mlsignError('file-changed-while-read', 'the file changed while it was read', { outcome: 'refused' });
    const files = list(directory);
    appendFileSync(join(directory, 'a'), 'more');
    await assert.rejects(pack(files), refused);
    const again = list(directory);
    const pieces = packFiles(again, { format: 'tar', algorithm: 'sha256' });
    await assert.rejects(async () => {
      for await (const piece of pieces) if (piece.length === 1024 * 1024) writeFileSync(join(directory, 'big'), 'cut');
    }, refused);
    const [file] = list(directory);
    assert.ok(file !== undefined);
    renameSync(file.path, join(directory, 'other'));
    symlinkSync('other', file.path);
    await assert.rejects(pack([file]), mlsignError('link-cycle', /symbolic links/));
    rmSync(file.path);
    await assert.rejects(pack([file]), mlsignError('file-not-found', /no such file/));
  });

  it('refuses what changed in place, before it reads or after', async () => {
    const refused = mlsignError('file-changed-while-read', 'the file changed while it was read', { outcome: 'refused' });
    const directory = sandbox.write('in-place', { big: Buffer.alloc(3_000_000) });
    const files = list(directory);
    const overwrite = (bytes: number) => writeFileSync(join(directory, 'big'), Buffer.alloc(bytes, 'x'), { flag: 'r+' });
    await assert.rejects(async () => {
      for await (const piece of packFiles(files, { format: 'tar', algorithm: 'sha256' })) if (piece.length === 1024 * 1024) overwrite(1);
    }, refused);
    let pieces = 0;
    await assert.rejects(async () => {
      for await (const _ of packFiles(files, { format: 'tar', algorithm: 'sha256' })) pieces++;
    }, refused);
    assert.equal(pieces, 1, 'nothing but the header');
  });

  it('never waits for a pipe that has taken the place of a file', async function () {
    if (process.platform === 'win32') this.skip();
    const path = sandbox.path('pipe');
    execFileSync('mkfifo', [path]);
    const pipe = { name: 'pipe', path, identity: identityOf(statSync(path)) };
    // Whoever waits would wait here in the thread of the test: a writer comes from outside.
    const late = spawn('sh', ['-c', 'sleep 3; : <> "$0"', path], { stdio: 'ignore' });
    const began = performance.now();
    await assert.rejects(pack([pipe]), mlsignError('file-changed-while-read', 'the file changed while it was read'));
    late.kill();
    assert.ok(performance.now() - began < 2500, 'waited for a writer');
  });

  it('closes every file that it has read, or not to its end', async function () {
    if (process.platform !== 'linux') this.skip();
    const handles = () => readdirSync('/proc/self/fd').length;
    const before = handles();
    for (let turn = 0; turn < 10; turn++) {
      await pack(list(model));
      for await (const piece of packFiles(list(model), { format: 'tar', algorithm: 'sha256' })) if (piece.length > 1_000_000) break;
    }
    assert.ok(handles() < before + 10, `${handles()} are open, ${before} were`);
  });

  it('ends when it is interrupted', async () => {
    for (const format of ['tar', 'tar.gz'] as const) {
      await assert.rejects(pack(list(model), { format, signal: AbortSignal.abort() }), mlsignError('interrupted', 'interrupted'));
    }
  });

  it('refuses names that no reader of its own would take', () => {
    refuseUnpackable(Object.keys(FILES));
    for (const [names, code, message] of [
      [['a\\b'], 'archive-name-unsafe', /holds a backslash/],
      [['a\nb'], 'archive-name-unsafe', /control character/],
      [['c:/x'], 'archive-name-unsafe', /drive letter/],
      [['a', 'A'], 'archive-name-collision', /only in case/],
      [['é', 'e\u0301'], 'archive-name-collision', /Unicode form/],
      [[`${'d/'.repeat(65)}x`], 'archive-too-large', /deeper than allowed/],
    ] as const) {
      assert.throws(() => refuseUnpackable(names), mlsignError(code, message));
    }
  });
});

describe('the header of a packed file', () => {
  it('needs no PAX for what the old fields hold', () => {
    for (const name of ['a', 'n'.repeat(100), `${'p'.repeat(155)}/${'n'.repeat(100)}`, LONG]) {
      assert.equal(encodeHeader({ name, size: 8 ** 11 - 1, mtime: 0 }).length, 512, name);
    }
  });

  it('has PAX for the rest: long names, names beyond ASCII, eight gigabytes and more', () => {
    for (const [name, size, record] of [
      ['n'.repeat(101), 0, `111 path=${'n'.repeat(101)}\n`],
      ['é', 0, '11 path=é\n'],
      ['big', 8 ** 11, '19 size=8589934592\n'],
    ] as const) {
      const header = encodeHeader({ name, size, mtime: 0 });
      assert.equal(header.length, 1536, name);
      assert.equal(header.toString('latin1', 156, 157), 'x');
      assert.equal(header.toString('utf8', 512, 512 + Buffer.byteLength(record)), record);
    }
  });

  it('is read back as it was meant, whatever the name', async () => {
    const segment = fc.string({ unit: 'binary', minLength: 1, maxLength: 120 }).filter((text) => {
      const isPlain = !/[\p{Cc}\\/:\ufffd]/u.test(text) && text.isWellFormed();
      return isPlain && !['.', '..'].includes(text) && Buffer.byteLength(text) <= 255;
    });
    const names = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join('/'));
    await fc.assert(
      fc.asyncProperty(names, fc.nat({ max: 2 ** 31 }), async (name, mtime) => {
        const archive = Buffer.concat([encodeHeader({ name, size: 1, mtime }), Buffer.from('x'.padEnd(512, '\0')), Buffer.alloc(1024)]);
        assert.deepEqual(await readAll(archive), { [name]: 'x' });
      }),
    );
  });
});
