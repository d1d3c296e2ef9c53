import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { parseTrustedPem, publicKeyHint, type SchemeName } from '../../src/formats/index.ts';
import { generateKey, KEY_TYPES, type KeyType, localKeySigner } from '../../src/sign/index.ts';
import { encryptPkcs8 } from '../../src/sign/pkcs8.ts';
import { HAS_ML_DSA, KEY_NAMES, keyFile, mlsignError } from '../helpers/keys.ts';

const SCHEMES: Record<KeyType, SchemeName> = {
  'ec-p256': 'ecdsa-p256-sha256',
  'ec-p384': 'ecdsa-p384-sha384',
  'ec-p521': 'ecdsa-p521-sha512',
  'rsa-3072': 'rsa-pss-sha256',
  'rsa-4096': 'rsa-pss-sha256',
  ed25519: 'ed25519',
  'ml-dsa-65': 'ml-dsa-65',
};

describe('keygen', () => {
  for (const type of KEY_TYPES.filter((name) => HAS_ML_DSA || name !== 'ml-dsa-65')) {
    it(`makes a pair of ${type} that signs and is trusted`, async () => {
      const { privateKeyPem, publicKeyPem, hint } = await generateKey(type);
      const signer = await localKeySigner(privateKeyPem, { where: 'new.key' });
      const trusted = parseTrustedPem(publicKeyPem, 'new.key.pub');
      assert.equal(signer.scheme, SCHEMES[type]);
      assert.ok(trusted.kind === 'key' && trusted.key.equals(signer.publicKey));
      assert.equal(hint, publicKeyHint(signer.publicKey));
      const bits = signer.publicKey.asymmetricKeyDetails?.modulusLength;
      if (type.startsWith('rsa')) assert.equal(`rsa-${bits}`, type);
    }).timeout(60_000);
  }

  it('says which Node ML-DSA needs where this one has none', async function () {
    if (HAS_ML_DSA) this.skip();
    const expected = mlsignError('ml-dsa-unavailable', 'ml-dsa needs Node 24.7 or later', { outcome: 'unavailable' });
    await assert.rejects(generateKey('ml-dsa-65'), expected);
    await assert.rejects(localKeySigner(keyFile('ml-dsa-65.key'), { where: 'a.key' }), expected);
  });

  it('encrypts the private key where a passphrase is given', async () => {
    const { privateKeyPem } = await generateKey('ed25519', 'pässphrase');
    assert.match(privateKeyPem, /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
    const signer = await localKeySigner(privateKeyPem, { where: 'new.key', passphrase: async () => 'pässphrase' });
    assert.equal(signer.scheme, 'ed25519');
    const wrong = localKeySigner(privateKeyPem, { where: 'new.key', passphrase: async () => 'passphrase' });
    await assert.rejects(wrong, mlsignError('passphrase-wrong', /./));
  });

  it('derives the encryption key with 600,000 rounds of PBKDF2 with HMAC-SHA-256', async () => {
    const der = Buffer.from(await encryptPkcs8(Buffer.from('3000', 'hex'), 'x'));
    assert.ok(der.includes(Buffer.from('02030927c0300c06082a864886f70d02090500', 'hex')), 'INTEGER 600000, hmacWithSHA256');
  });

  it('encrypts private keys of any length so that node:crypto reads them', async () => {
    for (const name of ['ed25519', 'ec-p521', 'rsa-2048', ...KEY_NAMES.slice(-1)]) {
      const key = createPrivateKey(keyFile(`${name}.key`));
      const encrypted = Buffer.from(await encryptPkcs8(key.export({ type: 'pkcs8', format: 'der' }), 'x'));
      const opened = createPrivateKey({ key: encrypted, format: 'der', type: 'pkcs8', passphrase: 'x' });
      assert.ok(createPublicKey(opened).equals(createPublicKey(key)), name);
    }
  });

  it('makes another key, salt and vector each time', async () => {
    const [a, b] = await Promise.all([generateKey('ed25519'), generateKey('ed25519')]);
    assert.notEqual(a.hint, b.hint);
    const der = Buffer.from('3000', 'hex');
    assert.notDeepEqual(await encryptPkcs8(der, 'x'), await encryptPkcs8(der, 'x'));
  });
});
