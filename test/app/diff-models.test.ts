import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, cp, mkdtemp, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DiffModelsOptions, diffModels, hashModel, type ManifestOptions, type ModelDiff, signModel } from '../../src/app/index.ts';
import { manifestDocument } from '../../src/model/index.ts';
import { diffDocument, diffText, plainStyle } from '../../src/report/index.ts';
import { generateKey, localKeySigner, type Signer } from '../../src/sign/index.ts';
import { float32, makeModelDirectory, smallModel, type TensorToWrite, writeSafetensors } from '../helpers/model-files.ts';
import { assertValid } from '../helpers/schemas.ts';

describe('diffModels', () => {
  let folder: string;
  let signer: Signer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mlsign-diff-'));
    signer = await localKeySigner((await generateKey('ec-p256')).privateKeyPem, { where: 'test key' });
  });
  after(() => rm(folder, { recursive: true }));

  let serial = 0;
  const makeModel = (files: Parameters<typeof makeModelDirectory>[1] = smallModel()) =>
    makeModelDirectory(join(folder, `m${serial++}`), files);
  const changedCopy = async (model: string, change: (path: (name: string) => string) => Promise<unknown>): Promise<string> => {
    const copy = join(folder, `m${serial++}`);
    await cp(model, copy, { recursive: true });
    await change((name) => join(copy, name));
    return copy;
  };
  const writeManifest = async (model: string, options: ManifestOptions = {}): Promise<string> => {
    const path = join(folder, `manifest-${serial++}.json`);
    await writeFile(path, JSON.stringify(manifestDocument((await hashModel(model, options)).hashed)));
    return path;
  };
  const diff = async (a: string, b: string, options?: DiffModelsOptions): Promise<ModelDiff> => {
    const result = await diffModels(a, b, options);
    assertValid('diff', JSON.parse(JSON.stringify(diffDocument(result))));
    assert.match(diffText(result, plainStyle), new RegExp(`^${result.verdict} {2}`));
    return result;
  };
  const files = ({ verdict, added, removed, changed, renamed, incomparable, same }: ModelDiff) => ({
    verdict,
    added,
    removed,
    changed,
    renamed: renamed.map(({ from, to }) => `${from} > ${to}`),
    incomparable,
    same,
  });
  const nothing = { verdict: 'same', added: [], removed: [], changed: [], renamed: [], incomparable: [] };

  /** A model and a copy where everything happened: the differences that every pair of forms must find. */
  const makePair = async () => {
    const a = await makeModel({
      ...smallModel(),
      'old.txt': 'moved',
      'gone.txt': 'gone',
      'empty.txt': '',
      'long.bin': Buffer.alloc(5000, 1),
    });
    const b = await changedCopy(a, async (path) => {
      await rename(path('old.txt'), path('new.txt'));
      await rm(path('gone.txt'));
      await writeFile(path('fresh.txt'), 'something else');
      await writeFile(path('config.json'), '{}');
      await appendFile(path('long.bin'), 'x');
    });
    const expected = {
      verdict: 'differs',
      added: ['fresh.txt'],
      removed: ['gone.txt'],
      changed: ['config.json', 'long.bin'],
      renamed: ['old.txt > new.txt'],
      incomparable: [],
    };
    return { a, b, expected };
  };

  it('finds two equal models the same, signatures aside', async () => {
    const a = await makeModel();
    const b = await changedCopy(a, () => Promise.resolve());
    await signModel(b, { signer });
    assert.deepEqual(files(await diff(a, b)), { ...nothing, same: 4 });
  });

  it('finds what was added, removed, changed and renamed between two directories', async () => {
    const { a, b, expected } = await makePair();
    assert.deepEqual(files(await diff(a, b)), { ...expected, same: 4 });
  });

  for (const [way, options] of Object.entries<ManifestOptions>({
    'whole files': {},
    shards: { shardSize: 1000 },
    'whole files in blake3': { algorithm: 'blake3' },
  })) {
    it(`finds the same in every mix of directory, bundle and manifest: ${way}`, async () => {
      const { a, b, expected } = await makePair();
      // A manifest of shards does not name the zero-byte file that is the same on both sides.
      const same = options.shardSize === undefined ? 4 : 3;
      await signModel(a, { ...options, signer, signature: `${a}.sig` });
      await signModel(b, { ...options, signer, signature: `${b}.sig` });
      const forms = (model: string, manifest: string) => [model, `${model}.sig`, manifest];
      for (const left of forms(a, await writeManifest(a, options))) {
        for (const right of forms(b, await writeManifest(b, options))) {
          if (left === a && right === b) continue;
          assert.deepEqual(files(await diff(left, right)), { ...expected, same }, `${left} ${right}`);
        }
      }
    });
  }

  it('finds a change of one byte that leaves sizes alone', async () => {
    const a = await makeModel();
    const b = await changedCopy(a, (path) => writeFile(path('README.md'), '---\nlicense: apache-2.1\n---\n# A small model\n'));
    assert.deepEqual(files(await diff(a, b)).changed, ['README.md']);
  });

  it('reads nothing of files whose size tells enough', async function () {
    // Sparse files: to read them would take longer than a test may.
    if (process.platform === 'win32') this.skip();
    const [a, b] = [await makeModel({ 'big.bin': '', 'a.bin': 'a' }), await makeModel({ 'big.bin': '', 'b.bin': 'bb' })];
    await truncate(join(a, 'big.bin'), 2 ** 38);
    await truncate(join(b, 'big.bin'), 2 ** 38 + 1);
    assert.deepEqual(files(await diff(a, b)), {
      ...nothing,
      verdict: 'differs',
      added: ['b.bin'],
      removed: ['a.bin'],
      changed: ['big.bin'],
      same: 0,
    });
  });

  it('compares what can be compared across ways of hashing, and says what cannot', async () => {
    const a = await makeModel({ 'short.bin': 'short', 'changed.bin': 'before', 'long.bin': Buffer.alloc(3000), 'gone.bin': 'gone' });
    const b = await changedCopy(a, async (path) => {
      await writeFile(path('changed.bin'), 'after!');
      await rm(path('gone.bin'));
    });
    const shards = await writeManifest(b, { shardSize: 1000 });
    assert.deepEqual(files(await diff(await writeManifest(a), shards)), {
      verdict: 'differs',
      added: [],
      removed: ['gone.bin'],
      changed: ['changed.bin'],
      renamed: [],
      incomparable: ['long.bin'],
      same: 1,
    });
    const open = await diff(await writeManifest(b), shards);
    assert.deepEqual(files(open), { ...nothing, verdict: 'undetermined', incomparable: ['long.bin'], same: 2 });
    assert.match(diffText(open, plainStyle), /\? cannot be compared: sha256 of whole files against sha256 in shards of 1000/);
    const hashes = await diff(await writeManifest(b), await writeManifest(b, { algorithm: 'blake2b' }));
    assert.deepEqual(files(hashes), {
      ...nothing,
      verdict: 'undetermined',
      incomparable: ['changed.bin', 'long.bin', 'short.bin'],
      same: 0,
    });
  });

  it('does not take what one manifest leaves out for removed', async () => {
    const a = await makeModel({ 'a.txt': 'a', 'cache/x': 'x' });
    const narrow = await writeManifest(a, { ignorePaths: ['cache'] });
    assert.deepEqual(files(await diff(await writeManifest(a), narrow)), {
      ...nothing,
      verdict: 'undetermined',
      incomparable: ['cache/x'],
      same: 1,
    });
    assert.deepEqual(files(await diff(a, narrow)), { ...nothing, same: 1 });
    assert.deepEqual(files(await diff(await writeManifest(a), narrow, { ignorePaths: ['cache'] })), { ...nothing, same: 1 });
  });

  it('says that zero-byte files were not compared with shards', async () => {
    const a = await makeModel({ 'a.txt': 'a', 'empty.txt': '' });
    const { verdict, findings } = await diff(a, await writeManifest(a, { shardSize: 10 }));
    assert.equal(verdict, 'same');
    assert.deepEqual(
      findings.map(({ code, severity }) => `${severity} ${code}`),
      ['note empty-not-compared'],
    );
  });

  it('compares two single files whatever they are called', async () => {
    const model = await makeModel({ 'v1.bin': 'weights', 'v2.bin': 'weights', 'v3.bin': 'Weights' });
    const path = (name: string) => join(model, name);
    await signModel(path('v1.bin'), { signer });
    assert.deepEqual(files(await diff(path('v1.bin'), path('v2.bin'))), { ...nothing, same: 1 });
    assert.deepEqual(files(await diff(path('v1.bin.sig'), path('v2.bin'))), { ...nothing, same: 1 });
    assert.deepEqual(files(await diff(path('v3.bin'), path('v1.bin.sig'))), {
      ...nothing,
      verdict: 'differs',
      changed: ['v3.bin'],
      same: 0,
    });
  });

  it('cannot determine what hides behind a link, unless it may follow it', async function () {
    if (process.platform === 'win32') this.skip();
    const a = await makeModel({ 'a.txt': 'a' });
    const b = await changedCopy(a, (path) => symlink('a.txt', path('link.txt')));
    const c = await changedCopy(b, () => Promise.resolve());
    const refusedLink = await diff(a, b);
    assert.equal(refusedLink.verdict, 'undetermined');
    assert.deepEqual(
      refusedLink.findings.map(({ code, subject }) => `${code} ${subject}`),
      [`link-refused ${join(b, 'link.txt')}`],
    );
    assert.deepEqual(files(await diff(b, c, { allowSymlinks: true })), { ...nothing, same: 2 });
    const copied = await makeModel({ 'a.txt': 'a', 'link.txt': 'a', 'dir/x': 'x' });
    await symlink('.', join(b, 'dir'));
    assert.deepEqual(files(await diff(copied, b)), { ...nothing, verdict: 'undetermined', incomparable: ['dir/x', 'link.txt'], same: 1 });
    assert.equal(
      (await diff(b, await writeManifest(a), { allowSymlinks: true })).verdict,
      'undetermined',
      'the manifest does not allow links',
    );
  });

  it('says what is wrong with a bundle or manifest', async () => {
    const model = await makeModel();
    const manifest = await writeManifest(model);
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('"config.json"', '"confiG.json"'));
    await assert.rejects(diffModels(model, manifest), { code: 'manifest-digest-wrong', message: /the manifest was changed/ });
    await assert.rejects(diffModels(model, join(folder, 'none')), { code: 'file-not-found' });
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    controller.abort();
    const { a, b } = await makePair();
    await assert.rejects(diffModels(a, b, { signal: controller.signal }), { code: 'interrupted' });
  });

  describe('of tensors', () => {
    const base: readonly TensorToWrite[] = [
      { name: 'same', shape: [2], data: float32(1, 2) },
      { name: 'values', shape: [2], data: float32(3, 4) },
      { name: 'dtype', shape: [2], data: float32(5, 6) },
      { name: 'shape', shape: [2, 3] },
      { name: 'gone', shape: [1] },
    ];
    const tuned: readonly TensorToWrite[] = [
      { name: 'fresh', dtype: 'BF16', shape: [4] },
      { name: 'same', shape: [2], data: float32(1, 2) },
      { name: 'values', shape: [2], data: float32(3, 4.5) },
      { name: 'dtype', dtype: 'F16', shape: [2] },
      { name: 'shape', shape: [3, 2] },
    ];
    const changes = ({ tensors }: ModelDiff) =>
      tensors?.changes.map((change) => `${change.change} ${change.name}${'what' in change ? ` ${change.what.join()}` : ''}`.trim());

    it('names those that were added, removed and changed, and how', async () => {
      const a = await makeModel({ 'model.safetensors': writeSafetensors(base) });
      const b = await makeModel({ 'model.safetensors': writeSafetensors(tuned) });
      const result = await diff(a, b);
      assert.deepEqual(changes(result), [
        'changed dtype dtype',
        'added fresh',
        'removed gone',
        'changed shape shape',
        'changed values values',
      ]);
      assert.equal(result.tensors?.same, 1);
      const text = diffText(result, plainStyle);
      assert.match(text, /tensors {2}5 differences, 1 the same\n/);
      assert.match(text, / ~ dtype {3}F32 \[2\] → F16 \[2\] {2}dtype {2}model\.safetensors\n/);
      assert.match(text, / ~ values {2}F32 \[2\] {2}values {2}model\.safetensors\n/);
    });

    it('compares two single files under other names', async () => {
      const model = await makeModel({ 'v1.safetensors': writeSafetensors(base), 'v2.safetensors': writeSafetensors(tuned) });
      assert.equal(changes(await diff(join(model, 'v1.safetensors'), join(model, 'v2.safetensors')))?.length, 5);
    });

    it('finds a change beyond the first mebibyte', async () => {
      const data = new Uint8Array(3 * 1024 * 1024 + 4);
      const a = await makeModel({ 'model.safetensors': writeSafetensors([{ name: 'big', dtype: 'U8', shape: [data.length], data }]) });
      data[data.length - 1] = 1;
      const b = await makeModel({ 'model.safetensors': writeSafetensors([{ name: 'big', dtype: 'U8', shape: [data.length], data }]) });
      assert.deepEqual(changes(await diff(a, b)), ['changed big values']);
    });

    for (const [ending, flags] of [
      ['.tar', '-cf'],
      ['.tar.gz', '-czf'],
    ] as const) {
      it(`looks into a ${ending}, and tells the same as of the directories`, async () => {
        const many = Array.from({ length: 40 }, (_, i) => ({ name: `t${i}`, shape: [16_384], data: new Uint8Array(65_536).fill(i) }));
        const other = many.map((tensor, i) => (i % 13 === 12 ? { ...tensor, data: new Uint8Array(65_536).fill(99) } : tensor));
        const models = [
          await makeModel({ 'm.safetensors': writeSafetensors(base), 'n.safetensors': writeSafetensors(many) }),
          await makeModel({ 'm.safetensors': writeSafetensors(tuned), 'n.safetensors': writeSafetensors(other) }),
        ] as const;
        for (const model of models) execFileSync('tar', [flags, `${model}${ending}`, '-C', model, '.']);
        const outside = await diff(...models);
        assert.equal(changes(outside)?.length, 8);
        assert.equal(outside.tensors?.same, 38);
        const inside = await diff(`${models[0]}${ending}`, `${models[1]}${ending}`);
        assert.deepEqual(inside.tensors, outside.tensors);
        assert.deepEqual((await diff(models[0], `${models[1]}${ending}`)).tensors, outside.tensors);
      });
    }

    it('says where a compressed archive would have to be unpacked over and over for it', async () => {
      const zeros = new Uint8Array(65_536);
      const many = Array.from({ length: 160 }, (_, i) => ({ name: `t${i}`, shape: [16_384], data: zeros }));
      const a = await makeModel({ 'm.safetensors': writeSafetensors(many, { order: 'forth' }) });
      const b = await makeModel({ 'm.safetensors': writeSafetensors(many.toReversed(), { order: 'back' }) });
      execFileSync('tar', ['-czf', `${b}.tar.gz`, '-C', b, '.']);
      const { verdict, findings } = await diff(a, `${b}.tar.gz`);
      assert.equal(verdict, 'differs');
      const [{ code, severity, message, subject } = assert.fail(), ...others] = findings;
      assert.deepEqual([code, severity, subject, others], ['archive-not-seekable', 'warning', join(a, 'm.safetensors'), []]);
      assert.match(message, /^its tensors were not compared: .* the archive would have to be unpacked over and over$/);
      assert.equal((await diff(a, b)).tensors?.same, 160);
    });

    it('follows tensors into other files', async () => {
      const [first, second] = [
        { name: 'a', shape: [2], data: float32(1, 2) },
        { name: 'b', shape: [2], data: float32(3, 4) },
      ];
      const a = await makeModel({ 'model.safetensors': writeSafetensors([first, second]) });
      const b = await makeModel({
        'model-00001-of-00002.safetensors': writeSafetensors([first]),
        'model-00002-of-00002.safetensors': writeSafetensors([{ ...second, data: float32(3, 5) }]),
        'unrelated.safetensors': writeSafetensors([{ name: 'c', shape: [1] }]),
      });
      const result = await diff(a, b);
      assert.deepEqual(changes(result), ['moved a', 'changed b values']);
      assert.match(diffText(result, plainStyle), / > a {2}F32 \[2\] {2}moved {2}model\.safetensors → model-00001-of-00002\.safetensors\n/);
    });

    it('says where a file cannot be compared tensor by tensor', async () => {
      const whole = writeSafetensors(base);
      const a = await makeModel({ 'model.safetensors': whole });
      const b = await makeModel({ 'model.safetensors': whole.subarray(0, -1) });
      const result = await diff(a, b);
      assert.equal(result.verdict, 'differs');
      assert.deepEqual(
        result.findings.map(({ code, severity, subject }) => `${severity} ${code} ${subject}`),
        [`warning safetensors-malformed ${join(b, 'model.safetensors')}`],
      );
    });

    it('says nothing of tensors where one side is not there', async () => {
      const a = await makeModel({ 'model.safetensors': writeSafetensors(base) });
      const b = await makeModel({ 'model.safetensors': writeSafetensors(tuned) });
      assert.equal((await diff(await writeManifest(a), b)).tensors, undefined);
    });

    it('escapes names of tensors and files', async () => {
      const tensor = (value: number) => writeSafetensors([{ name: '\u001b[2Jw\n', shape: [1], data: float32(value) }]);
      const a = await makeModel({ 'm\u202e.safetensors': tensor(1) });
      const b = await makeModel({ 'm\u202e.safetensors': tensor(2) });
      const text = diffText(await diff(a, b), plainStyle);
      assert.match(text, /~ \\x1b\[2Jw\\n {2}F32/);
      assert.match(text, /m\\u202e\.safetensors/);
      assert.doesNotMatch(text, /[\u001b\u202e]/);
    });
  });
});
