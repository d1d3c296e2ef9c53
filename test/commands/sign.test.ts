import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { mlsign, signalAtWork } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';

function statementOf(path: string) {
  return JSON.parse(Buffer.from(JSON.parse(readFileSync(path, 'utf8')).dsseEnvelope.payload, 'base64').toString('utf8'));
}

describe('mlsign sign', () => {
  const sandbox = new Sandbox();
  const key = sandbox.path('k');
  const pub = sandbox.path('k.pub');
  let serial = 0;

  before(async () => {
    assert.equal((await mlsign(['keygen', key])).code, 0);
  });
  after(() => sandbox.remove());

  function model(files: Readonly<Record<string, string | Uint8Array>> = { 'a.txt': 'a', 'b/c.bin': Buffer.alloc(3000) }): string {
    return sandbox.write(`m${serial++}`, files);
  }

  it('signs a directory and says so, in words and as JSON', async () => {
    const path = model();
    const run = await mlsign(['sign', path, '--key', key]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^signed {5}m\d+ {2}2 files, 3\.0 kB\nmodel id {3}[0-9a-f]{64}\n/);
    const json = await mlsign(['sign', path, '--key', key, '--force', '--json']);
    assertValid('sign', JSON.parse(json.stdout));
    assert.deepEqual(readdirSync(path).toSorted(), ['a.txt', 'b', 'model.sig']);
    assert.deepEqual(statementOf(`${path}/model.sig`).predicate.serialization.ignore_paths, [
      '.git',
      '.gitattributes',
      '.github',
      '.gitignore',
      'model.sig',
    ]);
  });

  it('signs a single file beside it', async () => {
    const path = `${model()}/a.txt`;
    assert.equal((await mlsign(['sign', path, '--key', key])).code, 0);
    assert.deepEqual(
      statementOf(`${path}.sig`).predicate.resources.map(({ name }: { name: string }) => name),
      ['a.txt'],
    );
    assert.equal((await mlsign(['verify', path, '--key', pub])).code, 0);
  });

  it('says how many zero-byte files shards leave unsigned', async () => {
    const directory = model({ 'w.bin': 'x', 'a.txt': '', 'b.txt': '' });
    const shards = await mlsign(['sign', directory, '--key', key, '--method', 'shards']);
    assert.match(shards.stderr, /^warning: a\.txt: 2 zero-byte files are not signed: .*; use --method files/);
    const files = await mlsign(['sign', directory, '--key', key, '--force']);
    assert.equal(files.stderr, '');
  });

  it('signs a file of zero bytes, and refuses a model with nothing in it', async () => {
    const empty = model({ 'empty.bin': '' });
    assert.equal((await mlsign(['sign', empty, '--key', key])).code, 0);
    const nothing = sandbox.path('nothing');
    mkdirSync(nothing);
    const run = await mlsign(['sign', nothing, '--key', key]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /\[model-empty\]/);
    assert.equal(existsSync(`${nothing}/model.sig`), false);
  });

  it('never replaces a signature without --force', async () => {
    const path = model();
    assert.equal((await mlsign(['sign', path, '--key', key])).code, 0);
    const before = readFileSync(`${path}/model.sig`);
    const run = await mlsign(['sign', path, '--key', key]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /already exists.*\[file-exists\]/);
    assert.deepEqual(readFileSync(`${path}/model.sig`), before);
    assert.equal((await mlsign(['sign', path, '--key', key, '--force'])).code, 0);
    assert.notDeepEqual(readFileSync(`${path}/model.sig`), before);
  });

  it('repeats the way of an earlier bundle with --like', async () => {
    const path = model({ 'a.bin': Buffer.alloc(5000), skip: 'x' });
    assert.equal(
      (await mlsign(['sign', path, '--key', key, '--shard-size', '1KiB', '--algorithm', 'blake3', '--ignore-paths', 'skip'])).code,
      0,
    );
    const again = sandbox.path('again.sig');
    assert.equal((await mlsign(['sign', path, '--key', key, '--like', `${path}/model.sig`, '--signature', again])).code, 0);
    assert.deepEqual(statementOf(again), statementOf(`${path}/model.sig`));
    const both = await mlsign(['sign', path, '--key', key, '--like', `${path}/model.sig`, '--method', 'files', '--force']);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /\[like-with-method\]/);
  });

  it('signs a manifest that was made elsewhere, and says that no byte was read', async () => {
    const path = model();
    const manifest = sandbox.path('manifest.json');
    assert.equal((await mlsign(['hash', path, '--json', '--output-file', manifest])).code, 0);
    const signature = `${path}/model.sig`;
    const run = await mlsign(['sign', '--manifest', manifest, '--signature', signature, '--key', key]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /no byte of the model was read/);
    assert.equal((await mlsign(['verify', path, '--key', pub])).code, 0);
    const document = JSON.parse(readFileSync(manifest, 'utf8'));
    document.resources[0].digest = '0'.repeat(64);
    writeFileSync(manifest, JSON.stringify(document));
    const tampered = await mlsign(['sign', '--manifest', manifest, '--signature', sandbox.path('t.sig'), '--key', key]);
    assert.equal(tampered.code, 1);
    assert.equal(existsSync(sandbox.path('t.sig')), false);
  });

  it('uses exit code 2 for flags that do not go together', async () => {
    const path = model();
    for (const [flags, code] of [
      [['sign', path, '--key', key, '--method', 'files', '--shard-size', '1MB'], 'shard-size-without-shards'],
      [['sign', path, '--key', key, '--shard-size', '0'], 'size-invalid'],
      [['sign', path, '--key', key, '--engine', 'native', '--algorithm', 'blake3'], 'engine-lacks-algorithm'],
      [['sign', path, '--key', key, '--ignore-paths', '../x'], 'ignore-path-invalid'],
      [['sign', path, '--key', key, '--no-such-flag'], 'usage'],
      [['sign', path], 'signer-missing'],
      [['sign', '--key', key], 'model-or-manifest'],
      [['sign', '', '--key', key], 'model-missing'],
      [['sign', path, '--key', ''], 'flag-empty'],
      [['sign', path, '--key', key, '--signature', ''], 'flag-empty'],
      [['sign', path, '--key', key, '--ignore-paths', 'a', '--ignore-paths', ''], 'flag-empty'],
      [['hash', ''], 'model-missing'],
      [['verify', '', '--key', pub], 'model-missing'],
      [['inspect', ''], 'model-missing'],
      [['diff', path, ''], 'model-missing'],
      [['sign', path, '--key', key, '--chain', pub], 'usage'],
    ] as const) {
      const run = await mlsign(flags);
      assert.equal(run.code, 2, `${flags.join(' ')}: ${run.stderr}`);
      assert.ok(run.stderr.includes(`[${code}]`), run.stderr);
    }
    assert.equal(existsSync(`${path}/model.sig`), false);
  });

  it('opens an encrypted key with the environment or a file, and tells a wrong passphrase', async () => {
    const path = model();
    const locked = sandbox.path('locked');
    const file = sandbox.path('passphrase');
    writeFileSync(file, 'correct horse\n');
    assert.equal((await mlsign(['keygen', locked, '--passphrase-file', file])).code, 0);
    assert.match(readFileSync(locked, 'utf8'), /ENCRYPTED PRIVATE KEY/);
    const none = await mlsign(['sign', path, '--key', locked]);
    assert.equal(none.code, 3);
    assert.match(none.stderr, /\[passphrase-needed\]/);
    const wrong = await mlsign(['sign', path, '--key', locked], { env: { MLSIGN_KEY_PASSPHRASE: 'wrong' } });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /\[passphrase-wrong\]/);
    assert.ok(!wrong.stderr.includes('wrong\n'));
    assert.equal((await mlsign(['sign', path, '--key', locked], { env: { MLSIGN_KEY_PASSPHRASE: 'correct horse' } })).code, 0);
    assert.equal((await mlsign(['sign', path, '--key', locked, '--passphrase-file', file, '--force'])).code, 0);
  });

  it('leaves nothing behind and exits 130 on Ctrl-C, 143 on termination or when the terminal closes', async function () {
    if (process.platform === 'win32') this.skip();
    this.timeout(60_000);
    const path = sandbox.path('big');
    mkdirSync(path);
    writeFileSync(`${path}/sparse.bin`, '');
    truncateSync(`${path}/sparse.bin`, 64 * 2 ** 30);
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 143],
    ] as const) {
      let signalled = Number.NaN;
      const run = await mlsign(['sign', path, '--key', key], {
        onStart: (pid) => void signalAtWork(pid, `${path}/sparse.bin`, signal).then(() => (signalled = performance.now())),
      });
      assert.equal(run.code, code, run.stderr);
      assert.ok(performance.now() - signalled < 10_000, 'stops at once');
      assert.deepEqual(readdirSync(path), ['sparse.bin']);
    }
  });

  it('writes nothing where it may not, and says where', async function () {
    if (process.platform === 'win32') this.skip();
    const path = model();
    const run = await mlsign(['sign', path, '--key', key, '--signature', sandbox.path('no', 'such', 'dir.sig')]);
    assert.equal(run.code, 3);
    assert.match(run.stderr, /cannot write the signature: no such file or directory.*dir\.sig.*\[file-not-found\]/);
    const full = await mlsign(['sign', path, '--key', key, '--signature', '/dev/full']);
    assert.notEqual(full.code, 0);
  });

  it('says at once what it may not write or replace, before it hashes', async function () {
    if (process.platform === 'win32') this.skip();
    this.timeout(60_000);
    const path = model({ 'sparse.bin': '' });
    truncateSync(`${path}/sparse.bin`, 2 ** 40);
    writeFileSync(sandbox.path('existing.sig'), '{}');
    mkdirSync(sandbox.path('directory.sig'));
    writeFileSync(`${path}.mlsign`, 'in the way');
    const two = ['--key', key, '--sigstore', '--identity-token-file', sandbox.path('no-token')];
    for (const [flags, code, exit] of [
      [['--key', key, '--signature', sandbox.path('existing.sig')], 'file-exists', 1],
      [['--key', key, '--signature', sandbox.path('no', 'dir.sig')], 'file-not-found', 3],
      [['--key', key, '--signature', sandbox.path('directory.sig'), '--force'], 'is-a-directory', 3],
      [['--key', key, '--signature', sandbox.path('existing.sig', 'x.sig')], 'not-a-directory', 3],
      [two, 'not-a-directory', 3],
    ] as const) {
      const started = performance.now();
      const run = await mlsign(['sign', path, ...flags]);
      assert.equal(run.code, exit, run.stderr);
      assert.ok(run.stderr.includes(`[${code}]`), run.stderr);
      assert.ok(performance.now() - started < 20_000, `${code} at once`);
    }
    assert.deepEqual(readdirSync(path), ['sparse.bin']);
  });

  it('records a signature inside the model whatever links lead there', async function () {
    if (process.platform === 'win32') this.skip();
    const path = model();
    symlinkSync(path, sandbox.path('link'));
    for (const [signed, signature] of [
      [sandbox.path('link'), `${path}/one.sig`],
      [path, sandbox.path('link', 'b', 'two.sig')],
    ] as const) {
      assert.equal((await mlsign(['sign', signed, '--key', key, '--signature', signature])).code, 0);
      const name = signature.endsWith('one.sig') ? 'one.sig' : 'b/two.sig';
      assert.ok(statementOf(signature).predicate.serialization.ignore_paths.includes(name), name);
    }
  });

  it('refuses a model whose name could not stand in a signature', async function () {
    if (process.platform === 'win32') this.skip();
    for (const name of ['bert\nverified', 'bert\x1b[2J']) {
      const path = sandbox.write(name, { a: 'a' });
      for (const args of [
        ['sign', path, '--key', key],
        ['hash', path],
      ]) {
        const run = await mlsign(args);
        assert.equal(run.code, 1, run.stderr);
        assert.match(run.stderr, /a model may not be named so: the name holds a control character.*\[name-invalid\]/);
      }
      assert.deepEqual(readdirSync(path), ['a']);
    }
  });
});
