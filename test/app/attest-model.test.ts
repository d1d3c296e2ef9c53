import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type AttestModelOptions, attestModel, signModel } from '../../src/app/index.ts';
import { openProvenance } from '../../src/lineage/index.ts';
import { trustKeys } from '../helpers/bundles.ts';
import { fixtureSigner, mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

const REQUEST = { materials: [], parameters: { lr: '0.1' }, metrics: {}, facts: [] };

describe('attestModel', () => {
  const sandbox = new Sandbox();
  let serial = 0;
  after(() => sandbox.remove());

  async function signed(): Promise<string> {
    const path = sandbox.write(`${serial++}/model`, { 'w.bin': 'x' });
    await signModel(path, { signer: await fixtureSigner('ec-p256') });
    return path;
  }

  async function options(more: Partial<AttestModelOptions> = {}): Promise<AttestModelOptions> {
    const signer = await fixtureSigner('ec-p256');
    const withStore = () => assert.fail('no store is named');
    return { signer, withStore, content: { kind: 'provenance', request: REQUEST }, ...more };
  }

  it('has several sign the same, each in an attestation of its own', async () => {
    const model = await signed();
    const further = [{ signer: await fixtureSigner('ed25519') }];
    const { attestations, modelId } = await attestModel(model, await options({ further }));
    assert.equal(readdirSync(`${model}.mlsign`).length, 2);
    for (const [i, key] of ['ec-p256', 'ed25519'].entries()) {
      const path = attestations[i]?.path ?? '';
      const { verified } = await openProvenance(await readFile(path), path, [trustKeys(key)], { now: new Date() });
      assert.equal(verified?.statement.subject.modelId, modelId);
      assert.deepEqual(verified?.statement.parameters, { lr: '0.1' });
    }
  });

  it('writes nothing where it is interrupted, or where one cannot sign', async () => {
    const model = await signed();
    const stopped = AbortSignal.abort();
    await assert.rejects(attestModel(model, await options({ signal: stopped })), mlsignError('interrupted', 'interrupted'));
    const further = [
      {
        signer: async () => {
          throw new TypeError('no key');
        },
      },
    ];
    await assert.rejects(attestModel(model, await options({ further })), /no key/);
    assert.ok(!existsSync(`${model}.mlsign`));
  });

  it('refuses what nobody could read', async () => {
    const content = { kind: 'provenance', request: { ...REQUEST, builder: 'no URI' } } as const;
    await assert.rejects(
      attestModel(await signed(), await options({ content })),
      mlsignError('provenance-malformed', /runDetails\.builder\.id: expected a URI/),
    );
  });
});
