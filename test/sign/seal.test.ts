import assert from 'node:assert/strict';
import { type MlsignError, refused } from '../../src/core/index.ts';
import {
  BUNDLE_MEDIA_TYPE,
  PAYLOAD_TYPE,
  parseBundle,
  preAuthEncoding,
  serializeBundle,
  verifySignature,
} from '../../src/formats/index.ts';
import { seal, type Witness } from '../../src/sign/index.ts';
import { fixtureSigner, KEY_NAMES, mlsignError } from '../helpers/keys.ts';

const PAYLOAD = Buffer.from('{"_type":"a statement"}');

describe('seal', () => {
  for (const name of KEY_NAMES) {
    it(`makes a bundle with ${name} that is read back as it was`, async () => {
      const signer = await fixtureSigner(name);
      const bundle = await seal(PAYLOAD, signer);
      assert.equal(bundle.mediaType, BUNDLE_MEDIA_TYPE);
      assert.deepEqual(bundle.material, signer.material);
      const read = parseBundle(Buffer.from(serializeBundle(bundle)), 'model.sig');
      assert.deepEqual(Buffer.from(read.envelope.payload), PAYLOAD);
      const signed = preAuthEncoding(PAYLOAD_TYPE, PAYLOAD);
      assert.ok(verifySignature(signer.scheme, signer.publicKey, signed, read.envelope.signature));
    });
  }

  it('gives nothing back where the signature is not that of the public key', async () => {
    const signer = await fixtureSigner('ec-p256');
    const { publicKey } = await fixtureSigner('ec-p384');
    const other = await fixtureSigner('ed25519');
    const expected = mlsignError('signer-mismatch', 'the signature that came back does not verify with the public key of the signer', {
      outcome: 'refused',
      subject: signer.description,
    });
    await assert.rejects(seal(PAYLOAD, { ...signer, publicKey }), expected);
    await assert.rejects(seal(PAYLOAD, { ...signer, sign: other.sign }), expected);
    await assert.rejects(seal(PAYLOAD, { ...signer, sign: async (data) => signer.sign(data.subarray(1)) }), expected);
  });

  it('stops where it is interrupted, before and after signing', async () => {
    const signer = await fixtureSigner('ec-p256');
    await assert.rejects(seal(PAYLOAD, signer, { signal: AbortSignal.abort() }), mlsignError('interrupted', 'interrupted'));
    const controller = new AbortController();
    const slow = {
      ...signer,
      sign: async (data: Uint8Array) => {
        controller.abort();
        return signer.sign(data);
      },
    };
    await assert.rejects(seal(PAYLOAD, slow, { signal: controller.signal }), mlsignError('interrupted', 'interrupted'));
  });
});

describe('seal with witnesses', () => {
  const mark = (name: string, problem?: MlsignError): Witness => ({
    name,
    accepts: () => problem,
    testify: async (bundle) => ({ ...bundle, timestamps: [...bundle.timestamps, Buffer.from(name)] }),
  });

  it('adds the testimony of each, in their order', async () => {
    const { timestamps } = await seal(PAYLOAD, await fixtureSigner('ec-p256'), { witnesses: [mark('one'), mark('two')] });
    assert.deepEqual(timestamps.map(String), ['one', 'two']);
  });

  it('signs nothing where one of them cannot take the signature', async () => {
    const signer = { ...(await fixtureSigner('ec-p256')), sign: () => assert.fail('it was signed') };
    const witnesses = [mark('one'), mark('two', refused('log-cannot-take-key', 'no'))];
    await assert.rejects(seal(PAYLOAD, signer, { witnesses }), mlsignError('log-cannot-take-key', 'no'));
  });

  it('gives no bundle where one of them fails', async () => {
    const failing = { ...mark('two'), testify: () => Promise.reject(refused('timestamp-wrong', 'no')) };
    await assert.rejects(
      seal(PAYLOAD, await fixtureSigner('ec-p256'), { witnesses: [mark('one'), failing] }),
      mlsignError('timestamp-wrong', 'no'),
    );
  });

  it('stops between two of them', async () => {
    const controller = new AbortController();
    const interrupting: Witness = {
      ...mark('one'),
      testify: async (bundle) => {
        controller.abort();
        return bundle;
      },
    };
    const late = { ...mark('two'), testify: () => assert.fail('it was asked') };
    const options = { witnesses: [interrupting, late], signal: controller.signal };
    await assert.rejects(seal(PAYLOAD, await fixtureSigner('ec-p256'), options), mlsignError('interrupted', 'interrupted'));
  });
});
