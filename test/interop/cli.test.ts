import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mlsign } from '../helpers/cli.ts';
import { treeModel } from './models.ts';
import { type Signer, useWorkbench } from './workbench.ts';

interface Ended {
  readonly code: number;
  readonly output: string;
}

describe('the two command lines', () => {
  const workbench = useWorkbench();

  /** Runs `model_signing` as a user would. */
  function modelSigning(...args: readonly string[]): Promise<Ended> {
    const { python } = workbench().reference;
    return new Promise((resolve) => {
      execFile(python, ['-m', 'model_signing', ...args], { env: { ...process.env, PYTHONUTF8: '1' } }, (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, output: `${stdout}${stderr}` });
      });
    });
  }

  async function exits(code: number, ...args: readonly string[]): Promise<void> {
    const ended = await mlsign(args);
    assert.equal(ended.code, code, `${ended.stdout}${ended.stderr}`);
  }

  async function theirsExits(code: number, ...args: readonly string[]): Promise<void> {
    const ended = await modelSigning(...args);
    assert.equal(ended.code, code, ended.output);
  }

  function publicKey(signer: Signer): string {
    const trust = workbench().trust(signer);
    return 'key' in trust ? trust.key : trust.roots;
  }

  for (const curve of ['p256', 'p384', 'p521'] as const) {
    it(`key ${curve}: theirs to ours, ours to theirs, and both see a changed byte`, async function () {
      this.timeout(60_000);
      const bench = workbench();
      const signer = { key: curve };
      const { key } = await bench.signing(signer);
      const model = await bench.model(treeModel());
      const theirs = bench.fresh('theirs');
      const inside = join(model, 'model.sig');
      await theirsExits(0, 'sign', 'key', model, '--private_key', key, '--signature', theirs);
      await exits(0, 'verify', model, '--key', publicKey(signer), '--signature', theirs);
      await exits(0, 'sign', model, '--key', key);
      await theirsExits(0, 'verify', 'key', model, '--public_key', publicKey(signer), '--signature', inside);
      await exits(0, 'verify', model, '--trust-key', publicKey(signer));
      await writeFile(join(model, 'd.txt'), 'changed');
      await exits(1, 'verify', model, '--key', publicKey(signer), '--signature', theirs);
      await exits(1, 'verify', model, '--key', publicKey(signer));
      await theirsExits(1, 'verify', 'key', model, '--public_key', publicKey(signer), '--signature', inside);
    });
  }

  it('certificate: theirs to ours, ours to theirs, and both see a missing file', async function () {
    this.timeout(60_000);
    const bench = workbench();
    const signer = { certificate: 'rsa-issuers' };
    const { key, certificate = '', chain = [] } = await bench.signing(signer);
    const [issuers = ''] = chain;
    const model = await bench.model(treeModel());
    const inside = join(model, 'model.sig');
    await theirsExits(
      0,
      ...['sign', 'certificate', model, '--private_key', key, '--signing_certificate', certificate, '--certificate_chain', issuers],
      ...['--signature', inside],
    );
    await exits(0, 'verify', model, '--ca', publicKey(signer));
    await exits(0, 'sign', model, '--key', key, '--cert', certificate, '--chain', issuers, '--force');
    await theirsExits(0, 'verify', 'certificate', model, '--certificate_chain', publicKey(signer), '--signature', inside);
    await exits(1, 'verify', model, '--ca', publicKey({ certificate: 'p256' }));
    await theirsExits(1, 'verify', 'certificate', model, '--certificate_chain', publicKey({ certificate: 'p256' }), '--signature', inside);
    await rm(join(model, 'config.json'));
    await exits(1, 'verify', model, '--ca', publicKey(signer));
    await theirsExits(1, 'verify', 'certificate', model, '--certificate_chain', publicKey(signer), '--signature', inside);
  });

  it('ignored paths and unsigned files', async function () {
    this.timeout(60_000);
    const bench = workbench();
    const signer = { key: 'p256' } as const;
    const { key } = await bench.signing(signer);
    const model = await bench.model(new Map([...treeModel(), ['notes/todo.txt', Buffer.from('x')]]));
    const [theirs, ours] = [bench.fresh('theirs'), bench.fresh('ours')];
    await theirsExits(0, ...['sign', 'key', model, '--private_key', key, '--ignore-paths', join(model, 'notes'), '--signature', theirs]);
    await exits(0, 'verify', model, '--key', publicKey(signer), '--signature', theirs);
    await exits(0, 'sign', model, '--key', key, '--ignore-paths', 'notes', '--signature', ours);
    await theirsExits(0, 'verify', 'key', model, '--public_key', publicKey(signer), '--signature', ours);
    await writeFile(join(model, 'later.txt'), 'x');
    await exits(1, 'verify', model, '--key', publicKey(signer), '--signature', theirs);
    await exits(0, 'verify', model, '--key', publicKey(signer), '--signature', theirs, '--ignore-unsigned-files');
    await theirsExits(1, 'verify', 'key', model, '--public_key', publicKey(signer), '--signature', ours);
    await theirsExits(0, ...['verify', 'key', model, '--public_key', publicKey(signer), '--signature', ours, '--ignore_unsigned_files']);
  });
});
