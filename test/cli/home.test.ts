import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BIN, mlsignProcess as mlsign } from '../helpers/cli.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const BUNDLES = join(import.meta.dirname, '../../fixtures/sigstore/bundles');

// What Node says of a user without HOME and without an entry in passwd, for tests that cannot become one.
const NO_PASSWD = `data:text/javascript,${encodeURIComponent(
  `import os from 'node:os'; import { syncBuiltinESMExports } from 'node:module';
os.homedir = os.userInfo = () => { throw Object.assign(new Error('uv_os_get_passwd'), { code: 'ERR_SYSTEM_ERROR' }); };
syncBuiltinESMExports();`,
)}`;

describe('a user whom the system does not know, without HOME', () => {
  const sandbox = new Sandbox();
  before(() => chmodSync(sandbox.root, 0o777));
  after(() => sandbox.remove());

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    spawnSync(process.execPath, [`--import=${NO_PASSWD}`, BIN, ...args], {
      cwd: sandbox.root,
      env: { PATH: process.env.PATH, SystemRoot: process.env.SystemRoot, ...env },
      encoding: 'utf8',
    });

  it('hashes a model and is shown help', () => {
    const model = sandbox.write('model', { a: 'a' });
    for (const args of [['hash', model], ['hash', '--help'], ['--help']]) {
      const { status, stderr, stdout } = run(args);
      assert.equal(status, 0, stderr);
      assert.notEqual(stdout, '');
      assert.equal(stderr, '');
    }
  });

  it('is told what is missing where something must be remembered', () => {
    const bundle = join(BUNDLES, 'email-v0.3.sigstore.json');
    const args = ['verify', sandbox.write('signed', { a: 'a' }), '--signature', bundle, '--identity', 'a@b.c', '--issuer', 'https://b.c'];
    const { status, stdout } = run([...args, '--json']);
    assert.equal(status, 3, stdout);
    assert.match(stdout, /cache-directory-missing/);
    assert.match(stdout, /set XDG_CACHE_HOME to a directory of your own/);
    assert.deepEqual(readdirSync(sandbox.root).toSorted(), ['model', 'signed']);
  });
});

describe('a relative XDG_CACHE_HOME', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('counts for nothing', async () => {
    sandbox.write('home', {});
    const model = sandbox.write('work/model', { a: 'a' });
    const env = { XDG_CACHE_HOME: 'cache', HOME: sandbox.path('home'), LOCALAPPDATA: sandbox.path('home') };
    const { code } = await mlsign(['hash', model], { cwd: sandbox.path('work'), env });
    assert.equal(code, 0);
    assert.equal(existsSync(sandbox.path('work', 'cache')), false);
  });
});
