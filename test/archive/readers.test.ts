import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { extract, pack } from 'tar-stream';
import { MlsignError } from '../../src/core/index.ts';
import { binary, type Content, GNU_MAGIC, header, longName, member, pax, readAll, tar } from '../helpers/archives.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const sandbox = new Sandbox();
after(() => sandbox.remove());

const LONG = `${'directory/'.repeat(12)}${'n'.repeat(120)}.bin`;
const FILES = { 'a.bin': 'a'.repeat(100_000), empty: '', 'sub/é.txt': 'hi', 'sub/deep/x': 'x'.repeat(512) };

const PYTHON = `
import json, sys, tarfile
def read(path):
    found = {}
    try:
        with tarfile.open(path, 'r:') as archive:
            for entry in archive:
                if not (entry.isfile() or entry.isdir()): return 'other type'
                name = entry.name[2:] if entry.name.startswith('./') else entry.name
                name = name.rstrip('/')
                if name in ('', '.'): continue
                if name + '/' in found or name in found: return 'twice'
                found[name + '/' if entry.isdir() else name] = '' if entry.isdir() else archive.extractfile(entry).read().decode('latin1')
    except Exception as error:
        return repr(error)
    return found
print(json.dumps([read(path) for path in sys.argv[1:]]))`;

const MAKE = `
import os, sys, tarfile
model, out, kind = sys.argv[1:]
with tarfile.open(out, 'w', format={'ustar': tarfile.USTAR_FORMAT, 'gnu': tarfile.GNU_FORMAT, 'pax': tarfile.PAX_FORMAT}[kind]) as archive:
    for name in sorted(os.listdir(model)): archive.add(os.path.join(model, name), arcname=name)`;

function hasPython(): boolean {
  return spawnSync('python3', ['--version']).status === 0;
}

/** What Python's tarfile reads: a text says why it does not. */
function readByPython(paths: readonly string[]): readonly (Content | string)[] {
  return JSON.parse(execFileSync('python3', ['-c', PYTHON, ...paths], { maxBuffer: 2 ** 30, encoding: 'utf8' }));
}

/** What tar-stream reads. */
async function readByTarStream(bytes: Buffer): Promise<Content> {
  const found: Record<string, string> = {};
  for await (const entry of Readable.from([bytes]).pipe(extract())) {
    const { name, type } = entry.header;
    const content = (await buffer(entry)).toString('latin1');
    const plain = name.replace(/^\.(\/|$)/, '').replace(/\/$/, '');
    if (plain !== '') found[type === 'directory' ? `${plain}/` : plain] = content;
  }
  return found;
}

/** The names that GNU tar lists. */
function namesByTar(path: string): readonly string[] {
  const listed = execFileSync('tar', ['--quoting-style=literal', '-tf', path], { encoding: 'utf8' }).split('\n');
  return listed.map((name) => name.replace(/^\.\//, '')).filter((name) => name !== '');
}

function filesOf(content: Content): Content {
  return Object.fromEntries(Object.entries(content).filter(([name]) => !name.endsWith('/')));
}

describe('an archive that another tar made', () => {
  const model = sandbox.write('model', FILES);
  const long = sandbox.write('long', { ...FILES, [LONG]: 'long' });

  for (const format of ['ustar', 'pax', 'gnu', 'posix']) {
    it(`is read: GNU tar, ${format}`, async () => {
      const isLong = format !== 'ustar';
      const path = sandbox.path(`gnu-${format}.tar`);
      execFileSync('tar', [`--format=${format}`, '-cf', path, '-C', isLong ? long : model, '.']);
      const bytes = readFileSync(path);
      const expected = isLong ? { ...FILES, [LONG]: 'long' } : FILES;
      const content = await readAll(bytes);
      assert.deepEqual(filesOf(content), asLatin1(expected));
      assert.ok('sub/' in content && !('/' in content));
      assert.deepEqual(await readAll(gzipSync(bytes), 'tar.gz'), content);
    });
  }

  for (const format of ['ustar', 'pax', 'gnu']) {
    it(`is read: Python, ${format}`, async function () {
      if (!hasPython()) this.skip();
      const path = sandbox.path(`python-${format}.tar`);
      const isLong = format !== 'ustar';
      execFileSync('python3', ['-c', MAKE, isLong ? long : model, path, format]);
      assert.deepEqual(filesOf(await readAll(readFileSync(path))), asLatin1(isLong ? { ...FILES, [LONG]: 'long' } : FILES));
    });
  }

  it('is read: bsdtar', async function () {
    if (spawnSync('bsdtar', ['--version']).status !== 0) this.skip();
    for (const format of ['ustar', 'pax', 'gnutar']) {
      const path = sandbox.path(`bsd-${format}.tar`);
      execFileSync('bsdtar', [`--format=${format}`, '-cf', path, '-C', model, '.']);
      assert.deepEqual(filesOf(await readAll(readFileSync(path))), asLatin1(FILES));
    }
  });

  it('is read: tar-stream', async () => {
    const packing = pack();
    for (const [name, content] of Object.entries({ ...FILES, [LONG]: 'long' })) packing.entry({ name }, content);
    packing.finalize();
    assert.deepEqual(await readAll(await buffer(packing)), asLatin1({ ...FILES, [LONG]: 'long' }));
  });

  it('may be larger than eight gigabytes, however its size is written', async () => {
    const size = 2 ** 33 + 1;
    const headers = [
      header({ size: binary(BigInt(size)), magic: GNU_MAGIC }),
      Buffer.concat([pax({ size: `${size}` }), header()]),
      Buffer.concat([pax({ size: `${size}` }), header({ size: binary(BigInt(size)) })]),
    ];
    for (const bytes of headers) {
      await assert.rejects(readAll(bytes), { code: 'archive-truncated', message: 'the archive is refused: it ends inside a member' });
    }
  });

  it('may say in a global header what changes nothing, as git does', async () => {
    assert.deepEqual(await readAll(tar(pax({ comment: 'abc' }, 'g'), member('x'))), { file: 'x' });
  });

  it('is read whatever pieces it comes in', async () => {
    const bytes = tar(pax({ path: 'a/é' }), member('x'.repeat(1000)), longName('b/ü'), member('y'), header({ name: 'd', type: '5' }));
    const expected = { 'a/é': 'x'.repeat(1000), 'b/ü': 'y', 'd/': '' };
    for (const piece of [1, 3, 511, 512, 513, 1 << 20]) {
      assert.deepEqual(await readAll(bytes, 'tar', undefined, piece), expected);
      assert.deepEqual(await readAll(gzipSync(bytes), 'tar.gz', undefined, piece), expected);
    }
  });
});

function asLatin1(files: Readonly<Record<string, string>>): Content {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString('latin1')]));
}

/** Archives with everything that is allowed, as blocks. */
const SOUND = tar(
  pax({ comment: 'made by a script' }, 'g'),
  header({ name: './', type: '5' }),
  member('first', { name: './a' }),
  pax({ path: 'd/é', mtime: '1.5' }),
  member('second'.repeat(100)),
  longName('d/long'),
  member('third', { magic: GNU_MAGIC }),
  header({ name: 'd/e/', type: '5' }),
  member('fourth', { name: 'x', prefix: 'd/e' }),
);

type Change =
  | { readonly kind: 'byte'; readonly at: number; readonly value: number; readonly isSummed: boolean }
  | { readonly kind: 'copy' | 'swap'; readonly from: number; readonly to: number }
  | { readonly kind: 'drop'; readonly block: number }
  | { readonly kind: 'cut'; readonly length: number };

const blocks = SOUND.length / 512;
const block = fc.nat(blocks - 1);
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('byte' as const),
      at: fc.nat(SOUND.length - 1),
      value: fc.oneof(fc.nat(255), fc.constantFrom(0, 0x20, 0x2f, 0x30, 0x31, 0x35, 0x67, 0x78, 0x4c, 0x80, 0xff)),
      isSummed: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('copy' as const, 'swap' as const), from: block, to: block }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), block }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), length: fc.nat(SOUND.length) }) },
);

function changed(archive: Buffer, edit: Change): Buffer {
  const bytes = Buffer.from(archive);
  const at = (index: number) => bytes.subarray(index * 512, index * 512 + 512);
  switch (edit.kind) {
    case 'byte':
      if (edit.at >= bytes.length) return bytes;
      bytes[edit.at] = edit.value;
      if (edit.isSummed) sumAnew(at(Math.floor(edit.at / 512)));
      return bytes;
    case 'copy':
      at(edit.from).copy(at(edit.to));
      return bytes;
    case 'swap': {
      const [one, other] = [Buffer.from(at(edit.from)), Buffer.from(at(edit.to))];
      other.copy(at(edit.from));
      one.copy(at(edit.to));
      return bytes;
    }
    case 'drop':
      return Buffer.concat([bytes.subarray(0, edit.block * 512), bytes.subarray(edit.block * 512 + 512)]);
    case 'cut':
      return bytes.subarray(0, edit.length);
  }
}

/** Makes a changed header one that passes; content is left alone. */
function sumAnew(bytes: Buffer): void {
  if (bytes.length < 512 || bytes.toString('latin1', 257, 262) !== 'ustar') return;
  bytes.fill(' ', 148, 156);
  bytes.write(
    `${bytes
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
}

async function attempt(bytes: Buffer, format: 'tar' | 'tar.gz' = 'tar'): Promise<Content | undefined> {
  try {
    return await readAll(bytes, format);
  } catch (error) {
    assert.ok(error instanceof MlsignError && error.outcome === 'refused', `${error}`);
    return undefined;
  }
}

const withoutSlash = (name: string) => name.replace(/\/$/, '');

describe('a changed archive', () => {
  it('is refused, or holds for us what it holds for Python and tar-stream', async function () {
    if (!hasPython()) this.skip();
    const accepted: { readonly path: string; readonly content: Content }[] = [];
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 2 }), async (changes) => {
        const bytes = changes.reduce(changed, SOUND);
        const content = await attempt(bytes);
        if (content === undefined) {
          refused++;
          return;
        }
        assert.deepEqual(await readByTarStream(bytes), content);
        const path = sandbox.path(`fuzz-${accepted.length}.tar`);
        writeFileSync(path, bytes);
        accepted.push({ path, content });
      }),
      { numRuns: 2500 },
    );
    assert.ok(refused > 300 && accepted.length > 100, `${refused} refused, ${accepted.length} accepted`);
    const others = readByPython(accepted.map(({ path }) => path));
    for (const [i, { path, content }] of accepted.entries()) {
      assert.deepEqual(others[i], content, path);
      // GNU tar lists a directory as its header has it, with a slash or without.
      if (i % 10 === 0) assert.deepEqual(namesByTar(path).map(withoutSlash), Object.keys(content).map(withoutSlash), path);
    }
  }).timeout(120_000);

  it('that is compressed is refused, or holds what it held', async () => {
    const packed = gzipSync(SOUND);
    const sound = await readAll(SOUND);
    await fc.assert(
      fc.asyncProperty(fc.nat(packed.length - 1), fc.nat(255), fc.nat(3), async (at, value, kind) => {
        const bytes = Buffer.from(packed);
        bytes[at] = value;
        const given =
          [bytes, packed.subarray(0, at), Buffer.concat([packed, bytes.subarray(at)]), Buffer.concat([packed, packed])][kind] ?? bytes;
        const content = await attempt(given, 'tar.gz');
        if (content !== undefined) assert.deepEqual(content, sound);
      }),
      { numRuns: 300 },
    );
  }).timeout(120_000);
});
