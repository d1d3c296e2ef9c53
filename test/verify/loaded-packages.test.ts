import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { serializeBundle } from '../../src/formats/index.ts';
import { seal } from '../../src/sign/index.ts';
import { STATEMENT } from '../helpers/bundles.ts';
import { ForgedLog, hashedRecord, logged } from '../helpers/forged-log.ts';
import { fixtureSigner, keyUrl } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const script = fileURLToPath(new URL('../helpers/loaded-packages.ts', import.meta.url));

async function loaded(...args: readonly string[]): Promise<{ matches: number; packages: readonly string[] }> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', script, ...args]);
  return JSON.parse(stdout);
}

describe('packages that a verification loads', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('none for a key, whatever evidence the bundle has', async () => {
    const signer = await fixtureSigner('ec-p256');
    const bundle = await seal(STATEMENT, signer);
    const tlogEntries = [new ForgedLog(1).entry(hashedRecord(logged(bundle, signer.publicKey), 'sha256'))];
    sandbox.write('bundles', { 'model.sig': serializeBundle({ ...bundle, tlogEntries, timestamps: [Buffer.from('3000', 'hex')] }) });
    const { matches, packages } = await loaded(sandbox.path('bundles', 'model.sig'), fileURLToPath(keyUrl('ec-p256.pub')));
    assert.deepEqual([matches, packages], [1, []]);
  });

  it('those that read certificates for an identity, and of Sigstore the trusted root alone', async () => {
    const bundle = new URL('../../fixtures/sigstore/bundles/email-v0.3.sigstore.json', import.meta.url);
    const { matches, packages } = await loaded(fileURLToPath(bundle), 'cody@soyland.com', 'https://github.com/login/oauth');
    assert.equal(matches, 1);
    assert.ok(packages.includes('pkijs') && packages.includes('asn1js'));
    assert.deepEqual(
      packages.filter((name) => name.includes('sigstore') || name.includes('tuf')),
      ['@sigstore/tuf'],
    );
  });
});
