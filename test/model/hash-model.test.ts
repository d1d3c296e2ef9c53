import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { appendFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Serialization } from '../../src/formats/index.ts';
import { type HashModelOptions, hashModel, openSource } from '../../src/model/index.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const sandbox = new Sandbox();
const EMPTY = hash('sha256', '');
let root = '';

beforeEach(() => {
  rmSync(sandbox.path('model'), { recursive: true, force: true });
  root = sandbox.write('model', { 'b.bin': 'bb', 'a/deep/er': 'x', 'a.txt': '', 'a-': 'y', '\u{1f916}': 'z', '\uffee': 'w' });
});

after(() => sandbox.remove());

const FILES: Serialization = { method: 'files', hashType: 'sha256', allowSymlinks: false, ignorePaths: [] };
const SHARDS: Serialization = { method: 'shards', hashType: 'sha256', shardSize: 10, allowSymlinks: false, ignorePaths: [] };

async function hashed(options: Partial<HashModelOptions> = {}, path = root) {
  return await hashModel(await openSource(path), { serialization: FILES, ...options });
}

describe('hashing a model', () => {
  it('gives every file with its size and digest, in code point order', async () => {
    const model = await hashed();
    const file = (name: string, content: string) => ({ name, size: Buffer.byteLength(content), digests: [hash('sha256', content)] });
    assert.deepEqual(model.files, [
      file('a-', 'y'),
      file('a.txt', ''),
      file('a/deep/er', 'x'),
      file('b.bin', 'bb'),
      file('\uffee', 'w'),
      file('\u{1f916}', 'z'),
    ]);
    assert.equal(model.bytes, 6);
    assert.equal(model.engine, 'native');
    assert.equal(model.source.name, 'model');
    assert.deepEqual(model.serialization, FILES);
    assert.deepEqual([model.findings, model.ignored, model.unhashed, model.emptyFiles], [[], [], [], []]);
  });

  it('gives a digest a shard, none for zero bytes, and names the files that no shard covers', async () => {
    writeFileSync(join(root, 'large'), 'a'.repeat(25));
    const model = await hashed({ serialization: SHARDS });
    const digests = new Map(model.files.map((file) => [file.name, file.digests]));
    assert.deepEqual(digests.get('large'), [hash('sha256', 'a'.repeat(10)), hash('sha256', 'a'.repeat(10)), hash('sha256', 'aaaaa')]);
    assert.deepEqual(digests.get('a.txt'), []);
    assert.deepEqual(model.emptyFiles, ['a.txt']);
  });

  it('takes one file as a model under its own name, also through a link that the user named', async () => {
    const expected = [{ name: 'b.bin', size: 2, digests: [hash('sha256', 'bb')] }];
    assert.deepEqual((await hashed({}, join(root, 'b.bin'))).files, expected);
    symlinkSync(join(root, 'b.bin'), sandbox.path('link.bin'));
    const linked = await hashed({}, sandbox.path('link.bin'));
    assert.deepEqual(linked.files, [{ ...expected[0], name: 'link.bin' }]);
    assert.deepEqual(linked.findings, []);
  });

  it('refuses one file with an impossible name', async function () {
    if (process.platform === 'win32') this.skip();
    const model = await hashed({}, join(sandbox.write('odd', { 'a\nb': '' }), 'a\nb'));
    assert.deepEqual(model.files, []);
    assert.deepEqual(
      model.findings.map(({ code, severity, message }) => [code, severity, message]),
      [['name-invalid', 'rejected', 'a file may not be named so in a model: the name holds a control character']],
    );
  });

  it('takes a directory through a link that the user named', async () => {
    symlinkSync(root, sandbox.path('link'));
    assert.deepEqual((await hashed({}, sandbox.path('link'))).files, (await hashed()).files);
  });

  it('leaves signatures out wherever they are said to lie, whatever way to them', async () => {
    const names = (await hashed()).files.map(({ name }) => name);
    writeFileSync(join(root, 'model.sig'), '');
    writeFileSync(join(root, 'a', 'second.sig'), '');
    symlinkSync(root, sandbox.path('other'));
    const excluded = [join(sandbox.path('other'), 'model.sig'), join(root, 'a', '..', 'a', 'second.sig'), sandbox.path('beside.sig')];
    for (const path of [root, sandbox.path('other')]) {
      const model = await hashed({ excluded }, path);
      assert.deepEqual(
        model.files.map(({ name }) => name),
        names,
      );
      assert.deepEqual(model.ignored, []);
    }
    rmSync(sandbox.path('other'));
  });

  it('lists, and does not read, what is not among the names to hash', async () => {
    const model = await hashed({ only: new Set(['b.bin', 'not-there']) });
    assert.equal(model.files.length, 6);
    assert.deepEqual(
      model.files.filter(({ digests }) => digests.length > 0).map(({ name }) => name),
      ['b.bin'],
    );
    assert.deepEqual(model.unhashed, ['a-', 'a.txt', 'a/deep/er', '\uffee', '\u{1f916}']);
    assert.equal(model.bytes, 2);
    assert.equal(model.files.find(({ name }) => name === 'a-')?.size, 1);
  });

  it('tells of ignored paths that exist', async () => {
    sandbox.write('model', { '.gitignore': '' });
    const model = await hashed({ serialization: { ...FILES, ignorePaths: ['a', 'none'] } });
    assert.deepEqual(model.ignored, ['.gitignore', 'a']);
    assert.ok(model.files.every(({ name }) => !name.startsWith('a/')));
  });

  it('hashes links under their own names where they may be followed', async () => {
    symlinkSync('b.bin', join(root, 'c.bin'));
    assert.equal((await hashed()).findings[0]?.code, 'link-refused');
    const model = await hashed({ serialization: { ...FILES, allowSymlinks: true } });
    assert.deepEqual(model.findings, []);
    assert.deepEqual(
      model.files.find(({ name }) => name === 'c.bin'),
      { name: 'c.bin', size: 2, digests: [hash('sha256', 'bb')] },
    );
  });

  it('hashes the same on workers while files are still being found', async () => {
    const contents = new Map<string, string>();
    for (let i = 0; i < 800; i++) {
      const content = randomBytes(130_000);
      contents.set(`part-${i % 10}/${i}`, hash('sha256', content));
      sandbox.write('model', { [`part-${i % 10}/${i}`]: content });
    }
    for (const useMainThread of [true, false]) {
      const model = await hashed({ useMainThread });
      const parts = model.files.filter(({ name }) => name.startsWith('part-'));
      assert.deepEqual(new Map(parts.map(({ name, digests: [digest] }) => [name, digest])), contents);
    }
  });

  it('uses the engine that is asked for, and says which', async () => {
    assert.equal((await hashed({ engine: 'wasm' })).engine, 'wasm');
    assert.deepEqual((await hashed({ engine: 'wasm' })).files, (await hashed({ engine: 'native' })).files);
    await assert.rejects(hashed({ engine: 'native', serialization: { ...FILES, hashType: 'blake3' } }), {
      outcome: 'usage',
      code: 'engine-lacks-algorithm',
      message: 'the native engine has no blake3',
    });
  });

  it('stops when it is told to, while listing and while hashing', async () => {
    writeFileSync(join(root, 'huge'), '');
    truncateSync(join(root, 'huge'), 2 ** 37);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    const stopped = { outcome: 'interrupted', code: 'interrupted', message: 'interrupted' };
    await assert.rejects(hashed({ signal: abort.signal }), stopped);
    await assert.rejects(hashed({ signal: AbortSignal.abort() }), stopped);
  });

  it('says that a directory without files has none, and leaves the rest to the manifest', async () => {
    const model = await hashed({}, sandbox.write('empty', {}));
    assert.deepEqual([model.files, model.findings, model.bytes, model.engine], [[], [], 0, 'native']);
  });
});

describe('a model that changes while it is hashed', () => {
  it('is rejected by name, and the rest is hashed', async () => {
    const source = await openSource(root);
    let once = false;
    // Progress is told while the large file is hashed: by then all files are listed.
    writeFileSync(join(root, 'z-large'), '');
    truncateSync(join(root, 'z-large'), 2 ** 29);
    const model = await hashModel(source, {
      serialization: { ...FILES, hashType: 'blake3' },
      onProgress: () => {
        if (once) return;
        once = true;
        appendFileSync(join(root, 'z-large'), 'x');
      },
    });
    assert.ok(once);
    assert.deepEqual(
      model.findings.map(({ code, severity, message, subject, suggestion }) => [code, severity, message, subject, suggestion]),
      [['file-changed-while-read', 'rejected', 'the file changed while it was read', 'z-large', 'try again when nothing writes to it']],
    );
    assert.equal(model.files.length, 6);
    assert.notEqual(model.files[1]?.digests[0], EMPTY);
  });
});
