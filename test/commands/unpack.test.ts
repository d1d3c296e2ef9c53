import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { header, member, tar } from '../helpers/archives.ts';
import { mlsign } from '../helpers/cli.ts';
import { assertPeak } from '../helpers/peak-memory.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';
import { keyPath, RELEASER, signingAs, TRAINER } from '../helpers/stored-models.ts';

const FILES = { 'config.json': '{}', 'weights/a.bin': Buffer.alloc(3_000_000, 'weights'), 'weights/é.bin': 'other', empty: '' };
const TRUST = ['--trust-key', keyPath(`${TRAINER}.pub`)];
const BOTH = [...TRUST, '--trust-key', keyPath(`${RELEASER}.pub`)];

interface Found {
  readonly code: string;
  readonly subject: string;
  readonly severity: string;
}

describe('mlsign unpack', () => {
  const sandbox = new Sandbox();
  let serial = 0;
  after(() => sandbox.remove());

  const json = async (code: number, ...args: readonly string[]) => {
    const run = await mlsign([...args, '--json'], { cwd: sandbox.root });
    assert.equal(run.code, code, run.stdout + run.stderr);
    return JSON.parse(run.stdout);
  };

  /** A folder with a model in it. */
  function fresh(files: Readonly<Record<string, string | Uint8Array>> = FILES) {
    const folder = `${++serial}`;
    const model = sandbox.write(`${folder}/model`, files);
    return { folder: sandbox.path(folder), model, at: (name: string) => sandbox.path(folder, name) };
  }

  /** A folder with a packed and signed model. */
  async function packed(name = 'model.tar.gz', ...args: readonly string[]) {
    const place = fresh();
    const archive = place.at(name);
    await json(0, 'pack', place.model, archive, ...signingAs(TRAINER), ...args);
    return { ...place, archive, out: place.at('out') };
  }

  const entries = (folder: string) => readdirSync(folder).sort();
  const problems = (document: { verification: { findings: readonly Found[] } }) =>
    document.verification.findings
      .filter(({ severity }) => severity === 'rejected' || severity === 'undetermined')
      .map(({ code, subject }) => `${code} ${subject}`);

  function assertModel(directory: string, files: Readonly<Record<string, string | Uint8Array>> = FILES): void {
    const found = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(directory, name)).isFile());
    assert.deepEqual(found.sort(), [...Object.keys(files), 'model.sig'].sort());
    for (const [name, content] of Object.entries(files)) assert.ok(readFileSync(join(directory, name)).equals(Buffer.from(content)), name);
  }

  for (const [name, ...flags] of [
    ['model.tar'],
    ['model.tar.gz'],
    ['model.tgz', '--inside'],
    ['model.tar', '--inside'],
    ['model.tar.gz', '--algorithm', 'blake3', '--inside'],
    ['model.tar.gz', '--shard-size', '1000000', '--method', 'shards'],
  ]) {
    it(`gives the directory back: ${name} ${flags.join(' ')}`, async () => {
      const { folder, archive, out } = await packed(name, ...flags);
      const unpacked = await json(0, 'unpack', archive, out, ...TRUST);
      assertValid('unpack', unpacked);
      assert.deepEqual([unpacked.verdict, unpacked.directory, unpacked.is_complete], ['verified', out, true]);
      assertModel(out);
      await json(0, 'verify', out, ...TRUST);
      const own = flags.includes('--inside') ? execFileSync('tar', ['-xOf', archive, 'model.sig']) : readFileSync(`${archive}.sig`);
      assert.ok(readFileSync(`${out}/model.sig`).equals(own), 'byte for byte');
      assert.deepEqual(
        entries(folder).filter((entry) => entry.startsWith('out')),
        ['out'],
      );
    });
  }

  it('unpacks what other tools packed, without their modes, and only what is signed', async () => {
    const { model, at } = fresh({ ...FILES, '.gitignore': 'x', '.git/hooks/post-checkout': 'x' });
    await json(0, 'sign', model, ...signingAs(TRAINER));
    mkdirSync(`${model}/nothing`);
    execFileSync('chmod', ['-R', 'a+rwx,u+s', model]);
    execFileSync('tar', ['-czf', at('model.tar.gz'), '-C', model, '.']);
    const unpacked = await json(0, 'unpack', at('model.tar.gz'), at('out'), ...TRUST);
    assertModel(at('out'));
    assert.deepEqual(entries(at('out')), ['config.json', 'empty', 'model.sig', 'weights']);
    for (const file of ['config.json', 'model.sig']) assert.equal(statSync(join(at('out'), file)).mode & 0o7133, 0);
    const { detail } = unpacked.verification.checks.find(({ name }: { name: string }) => name === 'unpack');
    assert.equal(detail, 'every byte was verified before it appeared; files: 4, signatures: 1; left out because nobody signed them: 2');
  });

  it('refuses to unpack without trust', async () => {
    const { folder, archive, out } = await packed();
    const refused = await json(2, 'unpack', archive, out);
    assert.equal(refused.code, 'trust-missing');
    assert.match(refused.message, /say whom you trust/);
    assert.deepEqual(entries(folder), ['model', 'model.tar.gz', 'model.tar.gz.sig']);
  });

  it('shows nothing of a model that another signed, that is changed, or that has more than was signed', async () => {
    const { folder, model, archive, out } = await packed();
    const rejected = await json(1, 'unpack', archive, out, '--trust-key', keyPath('ec-p384.pub'));
    assertValid('unpack', rejected);
    assert.equal(rejected.is_complete, false);
    assert.deepEqual(problems(rejected), [`signer-untrusted ${archive}.sig`, 'signer-missing rule flags']);
    for (const [spoil, problem] of [
      [() => writeFileSync(`${model}/config.json`, '[]'), 'file-changed config.json'],
      [() => writeFileSync(`${model}/extra.py`, ''), 'file-extra extra.py'],
    ] as const) {
      spoil();
      execFileSync('tar', ['-czf', archive, '-C', model, '.']);
      assert.ok(problems(await json(1, 'unpack', archive, out, ...TRUST)).includes(problem));
    }
    const run = await mlsign(['unpack', archive, out, ...TRUST]);
    assert.match(run.stdout, /^not unpacked {2}/);
    assert.deepEqual(entries(folder), ['model', 'model.tar.gz', 'model.tar.gz.sig']);
    // What nobody signed and somebody accepts does not appear all the same.
    writeFileSync(`${model}/config.json`, '{}');
    execFileSync('tar', ['-czf', archive, '-C', model, '.']);
    await json(0, 'unpack', archive, out, ...TRUST, '--ignore-unsigned-files');
    assertModel(out);
  });

  it('judges formats as verify does', async () => {
    const { folder, model, at } = fresh({
      'model.pkl': Buffer.from("cposix\nsystem\n(S'id'\ntR.", 'latin1'),
      'a.safetensors': Buffer.from('80048c026f73948c0673797374656d9493942e', 'hex'),
    });
    for (const name of ['m.tar', 'm.tar.gz']) {
      await json(0, 'pack', model, at(name), ...signingAs(TRAINER));
      const verified = await mlsign(['verify', at(name), ...TRUST, '--json']);
      const unpacked = await mlsign(['unpack', at(name), at('out'), ...TRUST, '--json']);
      const codes = (text: string) => {
        const { findings = [], verification } = JSON.parse(text);
        return (verification?.findings ?? findings).map(({ code, subject, severity }: Found) => `${severity} ${code} ${subject}`).sort();
      };
      assert.deepEqual(codes(unpacked.stdout), codes(verified.stdout));
      assert.equal(unpacked.code, verified.code);
      assert.ok(codes(unpacked.stdout).length > 0);
    }
    assert.ok(!entries(folder).includes('out') || existsSync(at('out/model.sig')));
  });

  it('keeps every signature that counts, and the attestations, where verify finds them', async () => {
    const { archive, out, model } = await packed('model.tar.gz', '--inside');
    await json(0, 'sign', archive, ...signingAs(RELEASER));
    mkdirSync(`${archive}.mlsign`);
    writeFileSync(`${archive}.mlsign/note.att`, 'of no use, and brought along');
    assert.ok(existsSync(model));
    await json(0, 'unpack', archive, out, ...BOTH);
    assert.equal(readFileSync(`${out}.mlsign/note.att`, 'utf8'), 'of no use, and brought along');
    const further = entries(`${out}.mlsign`).filter((name) => name.endsWith('.sig'));
    assert.equal(further.length, 1);
    assert.ok(readFileSync(`${out}.mlsign/${further[0]}`).equals(readFileSync(`${archive}.sig`)));
    await json(0, 'verify', out, '--trust-key', keyPath(`${RELEASER}.pub`));
    await json(0, 'verify', out, ...TRUST);
  });

  it('fills a directory that is empty, and replaces another only where it is told to', async () => {
    const { archive, out } = await packed();
    mkdirSync(out);
    await json(0, 'unpack', archive, out, ...TRUST);
    assertModel(out);
    const refused = await json(1, 'unpack', archive, out, ...TRUST);
    assert.equal(refused.code, 'directory-not-empty');
    writeFileSync(`${out}/mine`, 'x');
    await json(1, 'unpack', archive, out, '--trust-key', keyPath('ec-p384.pub'), '--force');
    assert.ok(existsSync(`${out}/mine`));
    await json(0, 'unpack', archive, out, ...TRUST, '--force');
    assertModel(out);
  });

  it('takes an archive that is signed by its content, and a directory elsewhere', async () => {
    const { archive, out, model, folder } = await packed();
    const none = await json(2, 'unpack', model, out, ...TRUST);
    assert.equal(none.code, 'archive-expected');
    assert.match(none.message, /an archive is unpacked/);
    const inside = await json(2, 'unpack', archive, folder, ...TRUST, '--force');
    assert.equal(inside.code, 'archive-inside-model');
    assert.match(inside.message, /lies in the directory/);
    await json(0, 'sign', archive, '--whole', '--force', ...signingAs(TRAINER));
    await json(0, 'verify', archive, ...TRUST);
    const whole = await json(1, 'unpack', archive, out, ...TRUST);
    assert.equal(whole.code, 'archive-signed-whole');
    assert.match(whole.message, /signed as one file/);
    assert.deepEqual(entries(folder), ['model', 'model.tar.gz', 'model.tar.gz.sig']);
  });

  it('never follows what was put where it unpacks', async () => {
    const { archive, out, at, folder } = await packed();
    mkdirSync(at('elsewhere'));
    symlinkSync('elsewhere', at('out.mlsign-partial'));
    const refused = await json(1, 'unpack', archive, out, ...TRUST);
    assert.equal(refused.code, 'staging-taken');
    assert.deepEqual(entries(at('elsewhere')), []);
    assert.ok(!entries(folder).includes('out'));
  });

  it('refuses a model with a file where its signature belongs', async () => {
    const { at } = fresh();
    const bytes = tar(
      member('{}', { name: 'config.json' }),
      header({ name: 'model.sig/', type: '5' }),
      member('x', { name: 'model.sig/x' }),
    );
    writeFileSync(at('model.tar'), bytes);
    await json(0, 'sign', at('model.tar'), ...signingAs(TRAINER));
    const refused = await mlsign(['unpack', at('model.tar'), at('out'), ...TRUST, '--json']);
    assert.equal(refused.code, 1, refused.stdout);
    assert.ok(!existsSync(at('out')));
  });

  it('leaves nothing when it is interrupted, and stays small whatever it unpacks', async function () {
    this.timeout(240_000);
    const { folder, model, at } = fresh({ 'config.json': '{}', 'big.bin': '' });
    truncateSync(`${model}/big.bin`, 500_000_000);
    await json(0, 'pack', model, at('model.tar'), ...signingAs(TRAINER));
    let pid = 0;
    const running = mlsign(['unpack', at('model.tar'), at('out'), ...TRUST], { onStart: (id) => (pid = id) });
    while (!existsSync(at('out.mlsign-partial/files/big.bin'))) await new Promise((resolve) => setTimeout(resolve, 5));
    process.kill(pid, 'SIGINT');
    assert.equal((await running).code, 130);
    assert.deepEqual(entries(folder), ['model', 'model.tar', 'model.tar.sig']);
    assert.equal(assertPeak(256, 'unpack', at('model.tar'), at('out'), ...TRUST), 0);
    assert.equal(statSync(at('out/big.bin')).size, 500_000_000);
  });

  it('does not unpack a bomb, and says which limit it meets', async () => {
    const { folder, at, model } = fresh();
    await json(0, 'sign', model, ...signingAs(TRAINER));
    cpSync(`${model}/model.sig`, at('bomb.tar.gz.sig'));
    writeFileSync(at('bomb.tar.gz'), gzipSync(tar(member(Buffer.alloc(80_000_000), { name: 'config.json' }))));
    const rejected = await json(1, 'unpack', at('bomb.tar.gz'), at('out'), ...TRUST);
    const [first] = rejected.verification.findings;
    assert.equal(first.code, 'archive-too-large');
    assert.match(first.message, /unpacks to more than 200 times its size/);
    assert.match(first.suggestion, /--archive-limit ratio=N/);
    assert.deepEqual(entries(folder), ['bomb.tar.gz', 'bomb.tar.gz.sig', 'model']);
  });
});
