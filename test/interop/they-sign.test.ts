import assert from 'node:assert/strict';
import { join } from 'node:path';
import { matrix, WAYS, wayOf } from './matrix.ts';
import { gitFiles, treeModel } from './models.ts';
import { inWords, verifyWithMlsign } from './ours.ts';
import { nameOf, useWorkbench } from './workbench.ts';

describe('what the reference signs, mlsign verifies', () => {
  const workbench = useWorkbench();
  const signer = { key: 'p256' } as const;

  for (const { name, files, hashing, signer } of matrix()) {
    it(`${name}, ${wayOf(hashing)}, ${nameOf(signer)}`, async () => {
      const bench = workbench();
      const model = await bench.model(files);
      const signature = await bench.theirs(model, signer, hashing);
      const verification = await verifyWithMlsign(model, signature, bench.trust(signer));
      assert.equal(verification.verdict, 'verified', inWords(verification));
      // Shards of nothing are not signed, and what is not signed is not read.
      const signed = [...files.values()].filter(({ length }) => hashing.method === 'files' || length > 0);
      assert.equal(verification.read?.files, signed.length);
    });
  }

  for (const hashing of WAYS) {
    it(`a single file, ${wayOf(hashing)}`, async () => {
      const bench = workbench();
      const model = join(await bench.model(treeModel()), 'weights.bin');
      const signature = await bench.theirs(model, signer, hashing);
      const verification = await verifyWithMlsign(model, signature, bench.trust(signer));
      assert.equal(verification.verdict, 'verified', inWords(verification));
    });

    it(`a link to a file, ${wayOf(hashing)}`, async function () {
      if (process.platform === 'win32') this.skip();
      const bench = workbench();
      const model = await bench.model(treeModel(), [{ path: 'linked.bin', target: 'weights.bin' }]);
      const signature = await bench.theirs(model, signer, { ...hashing, allow_symlinks: true });
      const verification = await verifyWithMlsign(model, signature, bench.trust(signer), { allowSymlinks: true });
      assert.equal(verification.verdict, 'verified', inWords(verification));
    });

    it(`ignored paths, ${wayOf(hashing)}`, async () => {
      const bench = workbench();
      const files = new Map([...treeModel(), ['notes/todo.txt', Buffer.from('x')], ['readme', Buffer.from('y')]]);
      const model = await bench.model(files);
      const signature = await bench.theirs(model, signer, { ...hashing, ignore_paths: ['notes', 'readme'] });
      const verification = await verifyWithMlsign(model, signature, bench.trust(signer));
      assert.equal(verification.verdict, 'verified', inWords(verification));
      assert.deepEqual([...verification.unsigned.ignored].sort(), ['notes', 'readme']);
    });

    it(`a clone with its git files, ${wayOf(hashing)}`, async () => {
      const bench = workbench();
      const model = await bench.model(new Map([...treeModel(), ...gitFiles()]));
      const signature = await bench.theirs(model, signer, hashing);
      await bench.addTo(model, new Map([['.git/index', Buffer.from('changed later')]]));
      const verification = await verifyWithMlsign(model, signature, bench.trust(signer));
      assert.equal(verification.verdict, 'verified', inWords(verification));
      assert.deepEqual(verification.unsigned.ignored, ['.git', '.gitattributes', '.github', '.gitignore']);
    });

    it(`a clone whose git files are signed on demand, ${wayOf(hashing)}`, async () => {
      const bench = workbench();
      const model = await bench.model(new Map([...treeModel(), ...gitFiles()]));
      const signature = await bench.theirs(model, signer, { ...hashing, ignore_git_paths: false });
      const verification = await verifyWithMlsign(model, signature, bench.trust(signer));
      assert.equal(verification.verdict, 'verified', inWords(verification));
      await bench.addTo(model, new Map([['.gitattributes', Buffer.from('changed')]]));
      assert.equal((await verifyWithMlsign(model, signature, bench.trust(signer))).verdict, 'rejected');
    });

    it(`unsigned files that the user accepts, ${wayOf(hashing)}`, async () => {
      const bench = workbench();
      const model = await bench.model(treeModel());
      const signature = await bench.theirs(model, signer, hashing);
      await bench.addTo(model, new Map([['later/added.txt', Buffer.from('x')]]));
      const verification = await verifyWithMlsign(model, signature, bench.trust(signer), { ignoreUnsigned: true });
      assert.equal(verification.verdict, 'verified', inWords(verification));
      assert.ok(verification.unsigned.extra.includes('later/added.txt'));
    });
  }
});
