import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { mlsign } from '../helpers/cli.ts';
import { assertPeak } from '../helpers/peak-memory.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, RELEASER, signingAs, TRAINER } from '../helpers/stored-models.ts';

const FILES = {
  'config.json': '{}',
  'weights/a.bin': Buffer.alloc(3_000_000, 'weights'),
  'weights/é.bin': 'other',
  empty: '',
  '.gitignore': 'x',
  '.git/config': 'x',
};
const TRUST = ['--trust-key', keyPath(`${TRAINER}.pub`)];

describe('mlsign pack', () => {
  const sandbox = new Sandbox();
  let serial = 0;
  after(() => sandbox.remove());

  const json = async (code: number, args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const run = await mlsign([...args, '--json'], { cwd: sandbox.root, env });
    assert.equal(run.code, code, run.stdout + run.stderr);
    return JSON.parse(run.stdout);
  };

  /** A folder with a model in it. */
  function fresh(files: Readonly<Record<string, string | Uint8Array>> = FILES) {
    const folder = `${++serial}`;
    return {
      folder: sandbox.path(folder),
      model: sandbox.write(`${folder}/model`, files),
      at: (name: string) => sandbox.path(folder, name),
    };
  }

  const entries = (folder: string) => readdirSync(folder).sort();
  const names = (archive: string) =>
    execFileSync('tar', ['--quoting-style=literal', '-tf', archive], { encoding: 'utf8' }).trim().split('\n');

  for (const ending of ['.tar', '.tar.gz', '.tgz']) {
    it(`packs and signs ${ending} in one pass, and the signature holds for directory and archive alike`, async () => {
      const { folder, model, at } = fresh();
      const archive = at(`model${ending}`);
      const packed = await json(0, ['pack', model, archive, ...signingAs(TRAINER)]);
      assertValid('pack', packed);
      assert.deepEqual(entries(folder), ['model', `model${ending}`, `model${ending}.sig`]);
      assert.deepEqual(names(archive), ['config.json', 'empty', 'weights/a.bin', 'weights/é.bin']);
      assert.deepEqual(packed.archive, { path: archive, format: ending === '.tar' ? 'tar' : 'tar.gz', bytes: statSync(archive).size });
      assert.deepEqual(packed.model, { name: 'model', resources: 4, files: 4, bytes: 3_000_007 });
      assert.deepEqual(packed.left_out, ['.git', '.gitignore']);
      assert.equal(packed.carried_signature, false);
      assert.deepEqual(
        packed.signatures.map(({ path }: { path: string }) => path),
        [`${archive}.sig`],
      );
      const verified = await json(0, ['verify', archive, ...TRUST]);
      assert.equal(verified.model_id, packed.model_id);
      await json(0, ['verify', model, ...TRUST, '--signature', `${archive}.sig`]);
      const statement = (bundle: string) => Buffer.from(JSON.parse(readFileSync(bundle, 'utf8')).dsseEnvelope.payload, 'base64').toString();
      await json(0, ['sign', archive, ...signingAs(TRAINER), '--signature', at('later.sig')]);
      assert.equal(statement(`${archive}.sig`), statement(at('later.sig')), 'the same as signing the archive');
    });
  }

  it('gives the same archive again, at every level the same content', async () => {
    const { model, at } = fresh();
    await json(0, ['pack', model, at('a.tar.gz'), '--workers', '1']);
    await json(0, ['pack', sandbox.copy(`${serial}/model`, `${serial}/copy`), at('b.tar.gz')]);
    assert.ok(readFileSync(at('a.tar.gz')).equals(readFileSync(at('b.tar.gz'))));
    await json(0, ['pack', model, at('c.tar.gz'), '--level', '9']);
    assert.ok(gunzipSync(readFileSync(at('a.tar.gz'))).equals(gunzipSync(readFileSync(at('c.tar.gz')))));
    await json(0, ['pack', model, at('d.tar')]);
    assert.ok(gunzipSync(readFileSync(at('a.tar.gz'))).equals(readFileSync(at('d.tar'))));
    await json(0, ['pack', model, at('e.tar')], { SOURCE_DATE_EPOCH: '1000000000' });
    const listed = execFileSync('tar', ['--utc', '--full-time', '-tvf', at('e.tar')], { encoding: 'utf8' });
    assert.equal(listed.match(/ 2001-09-09 01:46:40 /g)?.length, 4);
    const refused = await json(2, ['pack', model, at('f.tar')], { SOURCE_DATE_EPOCH: 'yesterday' });
    assert.deepEqual([refused.code, refused.got], ['source-date-invalid', 'yesterday']);
    assert.match(refused.message, /SOURCE_DATE_EPOCH is not a time/);
  });

  it('puts the signature inside where it is told to, as the last member', async () => {
    const { folder, model, at } = fresh();
    const packed = await json(0, ['pack', model, at('model.tar.gz'), '--inside', ...signingAs(TRAINER)]);
    assert.deepEqual(entries(folder), ['model', 'model.tar.gz']);
    assert.equal(names(at('model.tar.gz')).at(-1), 'model.sig');
    assert.deepEqual(packed.signatures[0].path, `${at('model.tar.gz')}/model.sig`);
    await json(0, ['verify', at('model.tar.gz'), ...TRUST]);
    const refused = await json(2, ['pack', model, at('other.tar'), '--inside']);
    assert.equal(refused.code, 'inside-without-signer');
    assert.match(refused.message, /nobody signs/);
  });

  it('takes the signature of the directory along, byte for byte, and another one beside it', async () => {
    const { model, at } = fresh();
    await json(0, ['sign', model, ...signingAs(TRAINER)]);
    const packed = await json(0, ['pack', model, at('model.tar')]);
    assert.deepEqual([packed.carried_signature, packed.signatures], [true, []]);
    const inside = execFileSync('tar', ['-xOf', at('model.tar'), 'model.sig']);
    assert.ok(inside.equals(readFileSync(`${model}/model.sig`)));
    await json(0, ['verify', at('model.tar'), ...TRUST]);
    await json(0, ['pack', model, at('both.tar'), ...signingAs(RELEASER)]);
    const both = [...TRUST, '--trust-key', keyPath(`${RELEASER}.pub`)];
    const verified = await json(0, ['verify', at('both.tar'), ...both]);
    assert.equal(verified.signatures.filter(({ counted }: { counted: boolean }) => counted).length, 2);
    const replaced = await json(0, ['pack', model, at('new.tar'), '--inside', ...signingAs(RELEASER)]);
    assert.equal(replaced.carried_signature, false);
    await json(0, ['verify', at('new.tar'), '--trust-key', keyPath(`${RELEASER}.pub`)]);
  });

  it('writes over nothing unless it is told to', async () => {
    const { folder, model, at } = fresh();
    const args = ['pack', model, at('model.tar'), ...signingAs(TRAINER)];
    writeFileSync(at('model.tar.sig'), 'mine');
    assert.deepEqual([(await json(1, args)).code, entries(folder)], ['file-exists', ['model', 'model.tar.sig']]);
    renameSync(at('model.tar.sig'), at('model.tar'));
    const refused = await json(1, args);
    assert.deepEqual([refused.code, refused.message, refused.subject], ['file-exists', 'the archive already exists', at('model.tar')]);
    assert.equal(readFileSync(at('model.tar'), 'utf8'), 'mine');
    await json(0, [...args, '--force']);
    await json(0, ['verify', at('model.tar'), ...TRUST]);
    assert.deepEqual(entries(folder), ['model', 'model.tar', 'model.tar.sig']);
  });

  it('refuses what signing refuses, and what nobody could unpack, and leaves nothing', async () => {
    const cases: readonly (readonly [code: string, message: RegExp, spoil: (model: string) => void])[] = [
      ['link-refused', /symbolic link/, (model) => symlinkSync('config.json', `${model}/link`)],
      ['special-file', /./, (model) => execFileSync('mkfifo', [`${model}/pipe`])],
      ['name-invalid', /control character/, (model) => writeFileSync(`${model}/a\nb`, '')],
      ['archive-name-collision', /only in case/, (model) => writeFileSync(`${model}/CONFIG.json`, '')],
      [
        'archive-too-large',
        /deeper than allowed/,
        (model) => mkdirSync(`${model}/${'d/'.repeat(65)}`, { recursive: true }) && writeFileSync(`${model}/${'d/'.repeat(65)}x`, ''),
      ],
    ];
    for (const [code, message, spoil] of cases) {
      const { folder, model, at } = fresh();
      spoil(model);
      const refused = await json(1, ['pack', model, at('model.tar.gz'), ...signingAs(TRAINER)]);
      assert.equal(refused.code, code);
      assert.match(refused.message, message);
      assert.deepEqual(entries(folder), ['model']);
    }
    const { model, at } = fresh({ '.gitignore': 'x' });
    const empty = await json(1, ['pack', model, at('model.tar')]);
    assert.equal(empty.code, 'model-empty');
    const like = fresh({ model: 'x' });
    assert.equal((await json(1, ['pack', like.model, like.at('model.tar')])).code, 'archive-like-whole');
    assert.deepEqual(entries(like.folder), ['model']);
  });

  it('packs what links lead to where it is told to', async () => {
    const { model, at } = fresh();
    symlinkSync('config.json', `${model}/link`);
    await json(0, ['pack', model, at('model.tar'), '--allow-symlinks', ...signingAs(TRAINER)]);
    assert.equal(execFileSync('tar', ['-xOf', at('model.tar'), 'link'], { encoding: 'utf8' }), '{}');
    await json(0, ['verify', at('model.tar'), ...TRUST]);
  });

  it('takes a directory, and a name that says how to pack', async () => {
    const { model, at } = fresh();
    const unknown = await json(2, ['pack', model, at('model.zip')]);
    assert.deepEqual([unknown.code, unknown.expected], ['archive-name-unknown', 'a name that ends in .tar, .tar.gz or .tgz']);
    assert.match(unknown.message, /says how it is packed/);
    const inside = await json(2, ['pack', model, `${model}/weights/model.tar`]);
    assert.equal(inside.code, 'archive-inside-model');
    assert.match(inside.message, /in the directory that is packed/);
    const file = await json(1, ['pack', `${model}/config.json`, at('model.tar')]);
    assert.equal(file.code, 'not-a-directory');
    assert.match(file.message, /a directory is packed/);
    assert.equal((await json(3, ['pack', at('none'), at('model.tar')])).code, 'file-not-found');
    assert.equal((await json(3, ['pack', model, at('none/model.tar')])).code, 'file-not-found');
  });

  it('leaves nothing when it is interrupted, and stays small whatever it packs', async function () {
    this.timeout(240_000);
    const { folder, model, at } = fresh({ 'config.json': '{}', 'big.bin': '' });
    truncateSync(`${model}/big.bin`, 500_000_000);
    let pid = 0;
    const running = mlsign(['pack', model, at('model.tar.gz'), ...signingAs(TRAINER), '--level', '9'], { onStart: (id) => (pid = id) });
    while (!readdirSync(folder).some((name) => name.endsWith('.tmp'))) await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill(pid, 'SIGINT');
    assert.equal((await running).code, 130);
    assert.deepEqual(entries(folder), ['model']);
    assert.equal(assertPeak(256, 'pack', model, at('model.tar.gz'), ...signingAs(TRAINER)), 0);
    assert.ok(existsSync(at('model.tar.gz.sig')));
  });

  it('tells people what it did', async () => {
    const { model, at } = fresh();
    const run = await mlsign(['pack', model, at('model.tar')]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(
      run.stdout,
      /^packed {5}\S+model\.tar {2}4 files, 3\.0 MB in 3\.0 MB\nmodel id {3}[0-9a-f]{64}\nleft out {3}\.git, \.gitignore\nsignature {2}none: sign it with mlsign sign\n$/,
    );
  });
});
