import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import {
  isPrehashed,
  loadEd25519ph,
  mlDsaMu,
  prepareSchemes,
  schemeForKmsKey,
  sha512,
  verifyEd25519phSha512,
  verifySignature,
} from '../../src/formats/index.ts';
import { HAS_ML_DSA, keyFile } from '../helpers/keys.ts';
import { signMu } from '../helpers/kms-server-digest.ts';

const MESSAGE = Buffer.alloc(5000, 'm');

describe('μ of ML-DSA', () => {
  for (const name of ['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const) {
    it(`gives an ordinary ${name} signature`, function () {
      if (!HAS_ML_DSA) this.skip();
      const key = createPrivateKey(keyFile(`${name}.key`));
      const publicKey = createPublicKey(keyFile(`${name}.pub`));
      for (const message of [Buffer.alloc(0), Buffer.from('m'), MESSAGE]) {
        const mu = mlDsaMu(publicKey, message);
        assert.equal(mu.length, 64);
        const signature = signMu(key, mu);
        assert.equal(verify(null, message, publicKey, signature), true);
        assert.equal(verify(null, Buffer.concat([message, Buffer.of(0)]), publicKey, signature), false);
      }
    });
  }
});

describe('Ed25519ph over SHA-512', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = new Uint8Array(Buffer.from(String(privateKey.export({ format: 'jwk' }).d), 'base64url'));
  const signature = ed25519ph.sign(sha512(MESSAGE), seed);

  it('gives no answer before it is loaded', async () => {
    // A module of its own: another suite in this process may have loaded it.
    const fresh: typeof import('../../src/formats/prehash.ts') = await import(
      new URL('../../src/formats/prehash.ts?fresh', import.meta.url).href
    );
    assert.throws(() => fresh.verifyEd25519phSha512(publicKey, MESSAGE, signature), {
      name: 'TypeError',
      message: 'Ed25519ph is not loaded',
    });
  });

  it('is what KMS makes of a digest: hashed twice', async () => {
    await loadEd25519ph();
    assert.equal(verifyEd25519phSha512(publicKey, MESSAGE, signature), true);
    assert.equal(verifyEd25519phSha512(publicKey, MESSAGE, ed25519ph.sign(MESSAGE, seed)), false);
    assert.equal(verifyEd25519phSha512(publicKey, MESSAGE, sign(null, MESSAGE, privateKey)), false);
    assert.equal(verifyEd25519phSha512(publicKey, MESSAGE, sign(null, sha512(MESSAGE), privateKey)), false);
  });

  it('is of this key and these bytes alone', () => {
    const { publicKey: other } = generateKeyPairSync('ed25519');
    assert.equal(verifyEd25519phSha512(other, MESSAGE, signature), false);
    assert.equal(verifyEd25519phSha512(publicKey, MESSAGE.subarray(1), signature), false);
    assert.equal(verifyEd25519phSha512(createPublicKey(keyFile('ec-p256.pub')), MESSAGE, signature), false);
  });

  it('says no to anything else of any length, and never throws', () => {
    for (let at = 0; at < signature.length; at++) {
      const changed = signature.map((byte, index) => (index === at ? byte ^ 1 : byte));
      assert.equal(verifyEd25519phSha512(publicKey, MESSAGE, changed), false, String(at));
    }
    for (const length of [0, 1, 63, 65, 128]) {
      assert.equal(verifyEd25519phSha512(publicKey, MESSAGE, new Uint8Array(length).fill(255)), false, String(length));
    }
  });

  it('does not take S + L for S, nor a point of small order for R (RFC 8032 §5.1.7)', () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${Buffer.from(signature.subarray(32).toReversed()).toString('hex')}`) + order;
    const bytes = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
    assert.equal(verifyEd25519phSha512(publicKey, MESSAGE, Buffer.concat([signature.subarray(0, 32), bytes])), false);
    // The identity as the key would let S = 0 sign everything.
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const identity = Buffer.concat([spki.subarray(0, -32), Buffer.of(1), Buffer.alloc(31)]);
    const weak = createPublicKey({ key: identity, format: 'der', type: 'spki' });
    const forged = Buffer.concat([Buffer.of(1), Buffer.alloc(63)]);
    assert.equal(verifyEd25519phSha512(weak, MESSAGE, forged), false);
  });
});

describe('the scheme ed25519-kms', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const seed = new Uint8Array(Buffer.from(String(privateKey.export({ format: 'jwk' }).d), 'base64url'));

  it('is pure Ed25519 up to 4,096 bytes, and prehashed above', async () => {
    await prepareSchemes(['ed25519', undefined, 'ed25519-kms']);
    for (const [length, isPure] of [
      [0, true],
      [4096, true],
      [4097, false],
    ] as const) {
      const data = Buffer.alloc(length, 1);
      const pure = sign(null, data, privateKey);
      const prehashed = ed25519ph.sign(sha512(data), seed);
      assert.equal(isPrehashed('ed25519-kms', data), !isPure);
      assert.equal(verifySignature('ed25519-kms', publicKey, data, pure), isPure, `${length} pure`);
      assert.equal(verifySignature('ed25519-kms', publicKey, data, prehashed), !isPure, `${length} prehashed`);
      assert.equal(verifySignature('ed25519', publicKey, data, prehashed), false);
    }
    assert.equal(isPrehashed('ed25519', Buffer.alloc(4097)), false);
  });

  it('is what an Ed25519 key in KMS is used with, unless another is asked for', () => {
    assert.equal(schemeForKmsKey(publicKey, 'key'), 'ed25519-kms');
    assert.equal(schemeForKmsKey(publicKey, 'key', 'ed25519'), 'ed25519');
    assert.equal(schemeForKmsKey(createPublicKey(keyFile('ec-p256.pub')), 'key'), 'ecdsa-p256-sha256');
  });
});
