import assert from 'node:assert/strict';
import { type RevokeOptions, revoke, verifyModel } from '../../src/app/index.ts';
import { policyFromFlags } from '../../src/policy/index.ts';
import type { Signer } from '../../src/sign/index.ts';
import { openStore } from '../../src/store/index.ts';
import { trustKeys } from '../helpers/bundles.ts';
import { fixtureSigner, keyFile, mlsignError } from '../helpers/keys.ts';
import { anEntry, REVOKER } from '../helpers/revocations.ts';
import { Sandbox } from '../helpers/sandbox.ts';

describe('revoking', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('gives up where others are faster every time, and loses nothing of theirs', async () => {
    const store = await openStore({ kind: 'local', root: sandbox.path('store') });
    try {
      const signer = await fixtureSigner(REVOKER);
      const add = (letter: string, by: Signer = signer, init = false): RevokeOptions => ({
        add: [anEntry({ value: `sha256:${letter.repeat(64)}` })],
        signers: [trustKeys(REVOKER)],
        signer: by,
        init,
      });
      const source = { kind: 'store', store, prefix: '' } as const;
      await revoke(source, add('a', signer, true));
      let rivals = 0;
      const late: Signer = {
        ...signer,
        sign: async (data, signal) => {
          await revoke(source, add('bcdef0123456789'.charAt(rivals++)));
          return signer.sign(data, signal);
        },
      };
      await assert.rejects(
        revoke(source, add('9', late)),
        mlsignError('revocations-moved', /^others changed the revocation list meanwhile/, { outcome: 'unavailable' }),
      );
      const { list } = await revoke(source, { ...add('8'), add: undefined });
      assert.equal(list.entries, 1 + rivals);
    } finally {
      await store.close();
    }
  });

  it('asks whoever calls to open the store of a list', async () => {
    const model = sandbox.write('model', { 'a.bin': 'a' });
    const pem = (name: string) => ({ pem: keyFile(`${name}.pub`), where: `${name}.pub` });
    const policy = policyFromFlags({
      trustKeys: [pem('ec-p256')],
      revocations: { place: { kind: 'store', url: 's3://models' }, keys: [pem(REVOKER)] },
    });
    await assert.rejects(
      verifyModel(model, { policy }),
      mlsignError('store-not-opened', /^the revocation list is in a store, and nobody opens stores here$/, { subject: 's3://models' }),
    );
  });
});
