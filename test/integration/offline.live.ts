import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { codesOf, ended, useBench } from './bench.ts';
import { type Ended, runProgram } from './clients.ts';
import { identityOf, sigstoreFile } from './environment.ts';

const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** A namespace of the kernel without any network, not even loopback; Linux alone has them. */
const CUT_OFF = ['unshare', '--map-root-user', '--net'] as const;

describe('with the network cut off', () => {
  const bench = useBench();
  let model: string;
  let bundle: string;

  before(async function () {
    if (process.platform !== 'linux' || spawnSync(CUT_OFF[0], [...CUT_OFF.slice(1), 'true']).status !== 0) this.skip();
    model = await bench().model();
    bundle = await bench().signKeyless('mlsign', model, 'email');
  });

  function verify(...args: readonly string[]): Promise<Ended> {
    const [command, ...isolation] = CUT_OFF;
    const { identity, issuer } = identityOf('email');
    const signer = ['--identity', identity, '--issuer', issuer];
    const home = { HOME: bench().folder, XDG_CACHE_HOME: bench().folder };
    return runProgram(
      command,
      [...isolation, process.execPath, BIN, 'verify', model, '--signature', bundle, ...signer, '--json', ...args],
      home,
    );
  }

  it('a keyless signature verifies with a trusted root of its own', async () => {
    ended(0, await verify('--trusted-root', sigstoreFile('trustedRoot')));
    ended(0, await verify('--trusted-root', sigstoreFile('trustedRoot'), '--offline'));
  });

  it('the trusted root of the public instance is there, and does not know a private one', async () => {
    const run = await verify('--offline');
    ended(1, run);
    assert.match(run.stdout, /"name": "trusted-root",\s+"status": "passed"/);
  });

  it('what would need the network is undetermined, and says why', async () => {
    const run = await verify();
    ended(3, run);
    assert.deepEqual(codesOf(run), ['trusted-root-unavailable']);
    assert.match(run.stdout, /EAI_AGAIN|ENOTFOUND|ENETUNREACH|ECONNREFUSED/);
  });
});
