import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { legacyPreAuthEncoding, PAYLOAD_TYPE, preAuthEncoding, signData } from '../../src/formats/index.ts';
import { signatureCheck } from '../../src/verify/public-key.ts';
import { ACCEPTED_KEYS, KEY_NAMES, keyFile } from '../helpers/keys.ts';

const PAYLOAD = Buffer.from('{"a":"b"}');
const publicKey = (name: string) => createPublicKey(keyFile(`${name}.pub`));
const privateKey = (name: string) => createPrivateKey(keyFile(`${name}.key`));
const envelope = (signature: Uint8Array) => ({ payloadType: PAYLOAD_TYPE, payload: PAYLOAD, signature });

describe('signature check', () => {
  for (const name of KEY_NAMES) {
    it(`${name} over the encoding of DSSE`, () => {
      const scheme = ACCEPTED_KEYS[name];
      const isSignedBy = signatureCheck(envelope(signData(scheme, privateKey(name), preAuthEncoding(PAYLOAD_TYPE, PAYLOAD))), 'dsse');
      for (const other of KEY_NAMES) assert.equal(isSignedBy(publicKey(other), ACCEPTED_KEYS[other]), other === name, other);
    });
  }

  it('the payload itself, or another encoding of it, is not what is signed', () => {
    for (const data of [PAYLOAD, preAuthEncoding('text/plain', PAYLOAD), legacyPreAuthEncoding(PAYLOAD_TYPE, PAYLOAD)]) {
      const isSignedBy = signatureCheck(envelope(signData('ed25519', privateKey('ed25519'), data)), 'dsse');
      assert.equal(isSignedBy(publicKey('ed25519'), 'ed25519'), false);
    }
  });

  it('v0.2.0 is ECDSA with SHA-256 over its own encoding', () => {
    const legacy = legacyPreAuthEncoding(PAYLOAD_TYPE, PAYLOAD);
    const check = (digest: string, data: Uint8Array) => signatureCheck(envelope(sign(digest, data, privateKey('ec-p384'))), 'v0.2.0');
    assert.equal(check('sha256', legacy)(publicKey('ec-p384'), 'ecdsa-p384-sha384'), true);
    assert.equal(check('sha384', legacy)(publicKey('ec-p384'), 'ecdsa-p384-sha384'), false);
    assert.equal(check('sha256', preAuthEncoding(PAYLOAD_TYPE, PAYLOAD))(publicKey('ec-p384'), 'ecdsa-p384-sha384'), false);
    const rsa = signatureCheck(envelope(signData('rsa-pss-sha256', privateKey('rsa-2048'), legacy)), 'v0.2.0');
    assert.equal(rsa(publicKey('rsa-2048'), 'rsa-pss-sha256'), false);
  });
});
