import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { HAS_ML_DSA } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertValid } from '../helpers/schemas.ts';

describe('mlsign keygen', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  for (const type of ['ec-p256', 'ec-p384', 'ec-p521', 'rsa-3072', 'ed25519', ...(HAS_ML_DSA ? ['ml-dsa-65'] : [])]) {
    it(`makes a ${type} pair that signs and verifies`, async () => {
      const out = sandbox.path(type);
      const run = await mlsign(['keygen', out, '--type', type, '--json']);
      assert.equal(run.code, 0, run.stderr);
      const document = JSON.parse(run.stdout);
      assertValid('keygen', document);
      assert.equal(document.encrypted, false);
      if (process.platform !== 'win32') assert.equal(statSync(out).mode & 0o777, 0o600);
      assert.ok(createPublicKey(readFileSync(`${out}.pub`)).equals(createPublicKey(createPrivateKey(readFileSync(out)))));
      const model = sandbox.write(`model-${type}`, { a: 'a' });
      assert.equal((await mlsign(['sign', model, '--key', out])).code, 0);
      assert.equal((await mlsign(['verify', model, '--key', `${out}.pub`])).code, 0);
    }).timeout(20_000);
  }

  it('tells the id by which other commands name the key', async () => {
    const out = sandbox.path('named');
    const { stdout } = await mlsign(['keygen', out]);
    const [, id = ''] = /^key id {7}([0-9a-f]{64})$/m.exec(stdout) ?? [];
    const model = sandbox.write('model-named', { a: 'a' });
    const signed = await mlsign(['sign', model, '--key', out]);
    assert.ok(id !== '' && signed.stdout.includes(`key ${id.slice(0, 16)} `), signed.stdout);
  });

  it('replaces neither file without --force, and leaves no half pair', async () => {
    const out = sandbox.path('pair');
    writeFileSync(`${out}.pub`, 'mine');
    const run = await mlsign(['keygen', out]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /public key already exists.*\[file-exists\]/);
    assert.equal(existsSync(out), false);
    assert.equal(readFileSync(`${out}.pub`, 'utf8'), 'mine');
    assert.equal((await mlsign(['keygen', out, '--force'])).code, 0);
  });

  it('keeps the old private key where the public one cannot be replaced', async () => {
    const out = sandbox.path('kept');
    assert.equal((await mlsign(['keygen', out])).code, 0);
    const before = readFileSync(out);
    rmSync(`${out}.pub`);
    mkdirSync(`${out}.pub`);
    const run = await mlsign(['keygen', out, '--force']);
    assert.equal(run.code, 3);
    assert.match(run.stderr, /cannot write the public key: /);
    assert.deepEqual(readFileSync(out), before);
    assert.equal(readdirSync(sandbox.root).filter((name) => name.endsWith('.tmp')).length, 0);
  });

  it('wants a path', async () => {
    const run = await mlsign(['keygen', '']);
    assert.equal(run.code, 2);
    assert.match(run.stderr, /the path of the new key is empty \[path-missing\]/);
  });

  it('encrypts the private key with a passphrase from a file of one line', async () => {
    const file = sandbox.path('passphrase');
    writeFileSync(file, 'one\ntwo\n');
    const run = await mlsign(['keygen', sandbox.path('e'), '--passphrase-file', file]);
    assert.equal(run.code, 1);
    assert.match(run.stderr, /\[passphrase-file-malformed\]/);
    writeFileSync(file, 'a long passphrase\r\n');
    const good = await mlsign(['keygen', sandbox.path('e'), '--passphrase-file', file]);
    assert.equal(good.code, 0);
    assert.ok(!good.stdout.includes('a long passphrase'));
    assert.equal(createPrivateKey({ key: readFileSync(sandbox.path('e')), passphrase: 'a long passphrase' }).type, 'private');
  });
});
