import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { attestModel, localKeySigner } from '../../src/index.ts';
import { omsErrorsOfBundle } from '../helpers/oms-schemas.ts';
import type { Hashing } from './driver.ts';
import { matrix, WAYS, wayOf } from './matrix.ts';
import { type Files, gitFiles, treeModel } from './models.ts';
import { inWords, signWithMlsign, verifyWithMlsign } from './ours.ts';
import { nameOf, type Signer, useWorkbench, type Workbench } from './workbench.ts';

describe('what mlsign signs, the reference verifies', () => {
  const workbench = useWorkbench();
  const signer = { key: 'p256' } as const;

  for (const { name, files, hashing, signer } of matrix()) {
    it(`${name}, ${wayOf(hashing)}, ${nameOf(signer)}`, async () => {
      const bench = workbench();
      const model = await bench.model(files);
      const signature = await sign(bench, model, signer, hashing);
      const verification = await verifyWithMlsign(model, signature, bench.trust(signer));
      assert.equal(verification.verdict, 'verified', inWords(verification));
      const options = { ...hashing, specified: hashing.method === 'shards' };
      const answer = await bench.verifyWithReference(model, signature, signer, options);
      if (hashing.method === 'shards' && hasColon(files)) {
        // OMS §6.3.2: the last two parts are the range. The reference splits at every colon.
        assert.match(answer.ok ? '' : answer.error, /expected 3 components/u);
      } else {
        assert.equal(answer.ok, true, answer.ok ? '' : answer.error);
      }
    });
  }

  for (const hashing of WAYS) {
    const specified = hashing.method === 'shards';

    it(`a single file, as a folder of one file, ${wayOf(hashing)}`, async () => {
      const bench = workbench();
      const folder = await bench.model(new Map([['weights.bin', Buffer.alloc(2500, 7)]]));
      const signature = await sign(bench, join(folder, 'weights.bin'), signer, hashing);
      const answer = await bench.verifyWithReference(folder, signature, signer, { ...hashing, specified });
      assert.equal(answer.ok, true, answer.ok ? '' : answer.error);
    });

    it(`a link to a file, ${wayOf(hashing)}`, async function () {
      if (process.platform === 'win32') this.skip();
      const bench = workbench();
      const model = await bench.model(treeModel(), [{ path: 'linked.bin', target: 'weights.bin' }]);
      const linked = { ...hashing, allow_symlinks: true };
      const signature = await sign(bench, model, signer, linked);
      const answer = await bench.verifyWithReference(model, signature, signer, { ...linked, specified });
      assert.equal(answer.ok, true, answer.ok ? '' : answer.error);
    });

    it(`ignored paths, ${wayOf(hashing)}`, async () => {
      const bench = workbench();
      const model = await bench.model(new Map([...treeModel(), ['notes/todo.txt', Buffer.from('x')]]));
      const signature = await sign(bench, model, signer, { ...hashing, ignore_paths: ['notes'] });
      // Not told again what to ignore: it reads that from the bundle.
      const answer = await bench.verifyWithReference(model, signature, signer, { ...hashing, specified });
      assert.equal(answer.ok, true, answer.ok ? '' : answer.error);
    });

    it(`a clone with its git files, ${wayOf(hashing)}`, async () => {
      const bench = workbench();
      const model = await bench.model(new Map([...treeModel(), ...gitFiles()]));
      const signature = await sign(bench, model, signer, hashing);
      await bench.addTo(model, new Map([['.git/index', Buffer.from('changed later')]]));
      const answer = await bench.verifyWithReference(model, signature, signer, { ...hashing, specified });
      assert.equal(answer.ok, true, answer.ok ? '' : answer.error);
    });

    it(`a signature inside the model, ${wayOf(hashing)}`, async () => {
      const bench = workbench();
      const model = await bench.model(treeModel());
      const signature = join(model, 'model.sig');
      await signWithMlsign(model, signature, await bench.signing(signer), hashing);
      const answer = await bench.verifyWithReference(model, signature, signer, { ...hashing, specified });
      assert.equal(answer.ok, true, answer.ok ? '' : answer.error);
    });
  }

  it('unsigned files that the user accepts', async () => {
    const bench = workbench();
    const model = await bench.model(treeModel());
    const signature = await sign(bench, model, signer, {});
    await bench.addTo(model, new Map([['later/added.txt', Buffer.from('x')]]));
    const answer = await bench.verifyWithReference(model, signature, signer, { ignore_unsigned: true });
    assert.equal(answer.ok, true, answer.ok ? '' : answer.error);
  });

  it('a model with attestations beside it, which disturb nothing', async () => {
    const bench = workbench();
    const model = await bench.model(treeModel());
    const { key } = await bench.signing(signer);
    await signWithMlsign(model, join(model, 'model.sig'), await bench.signing(signer), {});
    const content = { kind: 'provenance', request: { materials: [], parameters: { lr: '0.1' }, metrics: {}, facts: [] } } as const;
    const by = await localKeySigner(await readFile(key), { where: key });
    await attestModel(model, { signer: by, content, withStore: () => assert.fail('no store is named') });
    assert.equal((await readdir(`${model}.mlsign`)).length, 1);
    const answer = await bench.verifyWithReference(model, join(model, 'model.sig'), signer, { guess: true });
    assert.equal(answer.ok, true, answer.ok ? '' : answer.error);
  });

  it('takes the way of hashing from our bundle', async () => {
    const bench = workbench();
    const model = await bench.model(treeModel());
    for (const algorithm of ['sha256', 'blake3'] as const) {
      const signature = await sign(bench, model, signer, { algorithm });
      const answer = await bench.verifyWithReference(model, signature, signer, { guess: true });
      assert.equal(answer.ok, true, answer.ok ? '' : answer.error);
    }
  });
});

async function sign(bench: Workbench, model: string, signer: Signer, hashing: Hashing): Promise<string> {
  const signature = bench.fresh('ours');
  await signWithMlsign(model, signature, await bench.signing(signer), hashing);
  assert.notEqual(dirname(signature), model);
  assert.deepEqual(omsErrorsOfBundle(await readFile(signature, 'utf8')), []);
  return signature;
}

function hasColon(files: Files): boolean {
  return [...files.keys()].some((name) => name.includes(':'));
}
