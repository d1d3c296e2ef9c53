import assert from 'node:assert/strict';
import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import fc from 'fast-check';
import { isSchemeName, SCHEME_NAMES, schemeForKey, schemeTitle, signData, verifySignature } from '../../src/formats/index.ts';
import { ACCEPTED_KEYS, KEY_NAMES, keyFile, mlsignError } from '../helpers/keys.ts';

const publicKey = (name: string) => createPublicKey(keyFile(`${name}.pub`));
const privateKey = (name: string) => createPrivateKey(keyFile(`${name}.key`));
const DATA = Buffer.from('the manifest of a model');

describe('scheme: which keys are accepted', () => {
  for (const name of KEY_NAMES) {
    it(`${name} is used as ${ACCEPTED_KEYS[name]}`, () => {
      assert.equal(schemeForKey(publicKey(name)), ACCEPTED_KEYS[name]);
      assert.equal(schemeForKey(privateKey(name)), ACCEPTED_KEYS[name]);
    });
  }

  const refusals: readonly (readonly [name: string, got: string])[] = [
    ['ec-secp256k1', 'ec secp256k1'],
    ['ec-brainpool-p256', 'ec brainpoolP256r1'],
    ['rsa-1024', 'RSA of 1024 bits'],
    ['rsa-pss-sha512', 'rsa-pss 2048 bits sha512'],
    ['dsa-2048', 'dsa 2048 bits'],
    ['ed448', 'ed448'],
    ['x25519', 'x25519'],
  ];
  for (const [name, got] of refusals) {
    it(`${name} is refused`, () => {
      const expected = mlsignError('key-unsupported', `a key of this kind is not accepted: ${got}`, {
        outcome: 'refused',
        subject: 'a.pub',
        got,
      });
      assert.throws(() => schemeForKey(publicKey(name), 'a.pub'), expected);
    });
  }

  it('an RSA key with an even exponent, or with 1, is refused', () => {
    const { n } = publicKey('rsa-2048').export({ format: 'jwk' });
    for (const [exponent, shown] of [
      ['AQ', 1],
      ['BA', 4],
    ] as const) {
      const key = createPublicKey({ key: { kty: 'RSA', n: String(n), e: exponent }, format: 'jwk' });
      assert.throws(
        () => schemeForKey(key),
        mlsignError('key-unsupported', `a key of this kind is not accepted: RSA with public exponent ${shown}`),
      );
    }
  });

  it('an RSA-PSS key whose own parameters forbid the scheme is refused', () => {
    for (const [hashAlgorithm, mgf1HashAlgorithm] of [
      ['sha512', 'sha256'],
      ['sha256', 'sha512'],
    ]) {
      const pair = generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm, mgf1HashAlgorithm });
      assert.throws(
        () => schemeForKey(pair.publicKey),
        mlsignError('key-unsupported', /^a key of this kind is not accepted: rsa-pss 2048 bits sha/),
      );
    }
    assert.throws(
      () => schemeForKey(publicKey('rsa-pss-salt64')),
      mlsignError('key-unsupported', /not accepted: rsa-pss 2048 bits sha256$/),
    );
  });

  it('an RSA key may be used with PKCS#1 v1.5 where the user says so', () => {
    assert.equal(schemeForKey(publicKey('rsa-2048'), 'a', 'rsa-pkcs1-sha256'), 'rsa-pkcs1-sha256');
  });

  it('a scheme of another key is refused', () => {
    const expected = mlsignError('scheme-mismatch', 'ed25519 is not a scheme of this key: ec prime256v1', {
      subject: 'a.pub',
      expected: 'ecdsa-p256-sha256',
    });
    assert.throws(() => schemeForKey(publicKey('ec-p256'), 'a.pub', 'ed25519'), expected);
    assert.throws(
      () => schemeForKey(publicKey('rsa-pss-2048'), 'a.pub', 'rsa-pkcs1-sha256'),
      mlsignError('scheme-mismatch', /not a scheme/),
    );
  });

  it('every scheme has a title, and only these names are schemes', () => {
    for (const name of SCHEME_NAMES) assert.match(schemeTitle(name), /^(ECDSA|RSA|Ed25519|ML-DSA)/);
    assert.equal(isSchemeName('ed25519'), true);
    for (const name of ['none', 'toString', '__proto__', 'ES256', '']) assert.equal(isSchemeName(name), false);
  });
});

describe('scheme: signatures', () => {
  for (const name of KEY_NAMES) {
    const scheme = ACCEPTED_KEYS[name];
    it(`${scheme} (${name}): verifies its own, and nothing else`, () => {
      const signature = signData(scheme, privateKey(name), DATA);
      const key = publicKey(name);
      assert.equal(verifySignature(scheme, key, DATA, signature), true);
      for (const [what, wrong] of mutations(signature)) assert.equal(verifySignature(scheme, key, DATA, wrong), false, what);
      assert.equal(verifySignature(scheme, key, Buffer.concat([DATA, Buffer.from('.')]), signature), false);
    });
  }

  it('a signature of one scheme is none of another, whatever the key', () => {
    for (const name of KEY_NAMES) {
      const signature = signData(ACCEPTED_KEYS[name], privateKey(name), DATA);
      // Of so few bytes AWS KMS signs as everybody does.
      const same: readonly string[] = [ACCEPTED_KEYS[name], ...(name === 'ed25519' ? ['ed25519-kms'] : [])];
      for (const other of SCHEME_NAMES.filter((scheme) => !same.includes(scheme))) {
        assert.equal(verifySignature(other, publicKey(name), DATA, signature), false, `${name} under ${other}`);
      }
    }
  });

  it('an ECDSA signature in IEEE P1363 form is refused', () => {
    for (const [name, scheme, digest] of [
      ['ec-p256', 'ecdsa-p256-sha256', 'sha256'],
      ['ec-p384', 'ecdsa-p384-sha384', 'sha384'],
      ['ec-p521', 'ecdsa-p521-sha512', 'sha512'],
    ] as const) {
      const signature = sign(digest, DATA, { key: privateKey(name), dsaEncoding: 'ieee-p1363' });
      assert.equal(verifySignature(scheme, publicKey(name), DATA, signature), false);
    }
  });

  it('an ECDSA signature over another digest than the curve has is refused', () => {
    const signature = sign('sha256', DATA, privateKey('ec-p384'));
    assert.equal(verifySignature('ecdsa-p384-sha384', publicKey('ec-p384'), DATA, signature), false);
    assert.equal(verifySignature('ecdsa-p384-sha384', publicKey('ec-p384'), DATA, signature, { digest: 'sha256' }), true);
  });

  it('an RSA-PSS salt of another length than the digest is refused', () => {
    const pss = (saltLength: number) =>
      sign('sha256', DATA, { key: privateKey('rsa-2048'), padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
    const verifies = (signature: Uint8Array) => verifySignature('rsa-pss-sha256', publicKey('rsa-2048'), DATA, signature);
    assert.equal(verifies(pss(32)), true);
    for (const saltLength of [0, 20, 31, 33, 64, constants.RSA_PSS_SALTLEN_MAX_SIGN])
      assert.equal(verifies(pss(saltLength)), false, String(saltLength));
  });

  it('RSA under SHA-1 or SHA-512 is refused', () => {
    for (const digest of ['sha1', 'sha512']) {
      const signature = sign(digest, DATA, { key: privateKey('rsa-2048'), padding: constants.RSA_PKCS1_PADDING });
      assert.equal(verifySignature('rsa-pkcs1-sha256', publicKey('rsa-2048'), DATA, signature), false, digest);
    }
  });

  it('a key of another type never verifies', () => {
    const signature = signData('ed25519', privateKey('ed25519'), DATA);
    for (const name of KEY_NAMES.filter((other) => other !== 'ed25519')) {
      assert.equal(verifySignature('ed25519', publicKey(name), DATA, signature), false, name);
    }
  });

  it('signs and verifies any bytes', () => {
    const key = privateKey('ed25519');
    const trusted: KeyObject = publicKey('ed25519');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (data) => verifySignature('ed25519', trusted, data, signData('ed25519', key, data))),
      { numRuns: 50 },
    );
  });

  it('arbitrary bytes are no signature, and never an exception', () => {
    const keys = KEY_NAMES.map((name) => [ACCEPTED_KEYS[name], publicKey(name)] as const);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (signature) =>
        keys.every(([scheme, key]) => !verifySignature(scheme, key, DATA, signature)),
      ),
      { numRuns: 50 },
    );
  });
});

function mutations(signature: Uint8Array): readonly (readonly [string, Uint8Array])[] {
  const flipped = (at: number) => signature.map((byte, index) => (index === at ? byte ^ 1 : byte));
  return [
    ['empty', new Uint8Array()],
    ['first byte flipped', flipped(0)],
    ['middle byte flipped', flipped(signature.length >> 1)],
    ['last byte flipped', flipped(signature.length - 1)],
    ['last byte cut off', signature.subarray(0, -1)],
    ['one byte more', Buffer.concat([signature, Buffer.alloc(1)])],
    ['zeros', new Uint8Array(signature.length)],
  ];
}
