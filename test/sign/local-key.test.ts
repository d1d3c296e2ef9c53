import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { inspect } from 'node:util';
import { parsePem, publicKeyHint, verifySignature } from '../../src/formats/index.ts';
import { localKeySigner } from '../../src/sign/index.ts';
import { toPem } from '../helpers/certificates.ts';
import { ACCEPTED_KEYS, fixtureSigner, KEY_NAMES, keyFile, mlsignError, PASSPHRASE } from '../helpers/keys.ts';

const DATA = Buffer.from('data');
const neverAsked = () => assert.fail('the passphrase was asked for');

describe('local key', () => {
  for (const name of KEY_NAMES) {
    it(`signs with ${name}`, async () => {
      const signer = await localKeySigner(keyFile(`${name}.key`), { where: name, passphrase: neverAsked });
      const publicKey = createPublicKey(keyFile(`${name}.pub`));
      assert.equal(signer.scheme, ACCEPTED_KEYS[name]);
      assert.ok(signer.publicKey.equals(publicKey));
      assert.deepEqual(signer.material, { kind: 'key', hint: publicKeyHint(publicKey) });
      assert.ok(signer.description.endsWith(`, key ${publicKeyHint(publicKey).slice(0, 16)}`), signer.description);
      assert.ok(verifySignature(signer.scheme, publicKey, DATA, await signer.sign(DATA)));
    });
  }

  it('reads every form of a key, with its passphrase where it is encrypted', async () => {
    const forms = [
      ['ec-p256.sec1.key', 'ec-p256.pub', false],
      ['ec-p256.sec1-encrypted.key', 'ec-p256.pub', true],
      ['ec-p256.encrypted.key', 'ec-p256.pub', true],
      ['ec-p256.scrypt.key', 'ec-p256.pub', true],
      ['rsa-2048.pkcs1.key', 'rsa-2048.pub', false],
      ['rsa-2048.pkcs1-encrypted.key', 'rsa-2048.pub', true],
      ['ed25519.encrypted.key', 'ed25519.pub', true],
    ] as const;
    for (const [name, publicName, encrypted] of forms) {
      let asked = 0;
      const passphrase = async () => {
        asked++;
        return PASSPHRASE;
      };
      const signer = await localKeySigner(keyFile(name), { where: name, passphrase });
      assert.ok(signer.publicKey.equals(createPublicKey(keyFile(publicName))), name);
      assert.equal(asked, encrypted ? 1 : 0, name);
    }
  });

  it('signs with RSA PKCS#1 v1.5 where that is asked for', async () => {
    const signer = await fixtureSigner('rsa-2048', 'pkcs1');
    assert.equal(signer.scheme, 'rsa-pkcs1-sha256');
    assert.ok(verifySignature('rsa-pkcs1-sha256', signer.publicKey, DATA, await signer.sign(DATA)));
    await assert.rejects(
      fixtureSigner('rsa-pss-2048', 'pkcs1'),
      mlsignError('scheme-mismatch', /rsa-pkcs1-sha256 is not a scheme of this key/),
    );
    assert.equal((await fixtureSigner('ec-p256', 'pkcs1')).scheme, 'ecdsa-p256-sha256', 'the padding concerns RSA alone');
  });

  const encrypted = ['ec-p256.encrypted.key', 'ec-p256.scrypt.key', 'ec-p256.sec1-encrypted.key', 'rsa-2048.pkcs1-encrypted.key'];
  for (const name of encrypted) {
    it(`says that the passphrase of ${name} is wrong`, async () => {
      for (const wrong of ['Test only', '', 'x'.repeat(5000)]) {
        const opened = localKeySigner(keyFile(name), { where: 'a.key', passphrase: async () => wrong });
        const expected = mlsignError('passphrase-wrong', 'the passphrase does not open the private key', {
          outcome: 'refused',
          subject: 'a.key',
          suggestions: ['check MLSIGN_KEY_PASSPHRASE or --passphrase-file, and that this is the right key'],
        });
        await assert.rejects(opened, expected);
      }
    });

    it(`says that ${name} needs a passphrase`, async () => {
      const expected = mlsignError('passphrase-needed', 'the private key is encrypted, and there is no passphrase', {
        outcome: 'unavailable',
        subject: 'a.key',
      });
      await assert.rejects(localKeySigner(keyFile(name), { where: 'a.key' }), expected);
      await assert.rejects(localKeySigner(keyFile(name), { where: 'a.key', passphrase: async () => undefined }), expected);
    });
  }

  it('says "wrong" for hundreds of passphrases: chance never makes another error of it', async () => {
    for (const [name, attempts] of [
      ['ed25519.encrypted.key', 800],
      ['ec-p256.sec1-encrypted.key', 1500],
    ] as const) {
      const pem = keyFile(name);
      for (let attempt = 0; attempt < attempts; attempt++) {
        const opened = localKeySigner(pem, { where: 'a.key', passphrase: async () => `wrong ${attempt}` });
        await assert.rejects(opened, mlsignError('passphrase-wrong', /./));
      }
    }
  });

  it('says "malformed" for a damaged key, encrypted or not', async () => {
    const der = (name: string) => Buffer.from(parsePem(keyFile(name), name)[0]?.der ?? []);
    const damaged = [
      toPem(Buffer.from('3000', 'hex'), 'PRIVATE KEY'),
      toPem(Buffer.from('3000', 'hex'), 'EC PRIVATE KEY'),
      toPem(Buffer.from('3000', 'hex'), 'ENCRYPTED PRIVATE KEY'),
      toPem(der('ec-p256.key'), 'RSA PRIVATE KEY'),
      toPem(der('ec-p256.encrypted.key').fill(0, 8, 16), 'ENCRYPTED PRIVATE KEY'),
      keyFile('ec-p256.sec1-encrypted.key').toString().replace('AES-256-CBC', 'ROT-13-CBC'),
    ];
    for (const pem of damaged) {
      const expected = mlsignError('key-malformed', 'the private key cannot be read', {
        outcome: 'refused',
        subject: 'a.key',
        suggestions: ['copy the key again, or convert it: openssl pkcs8 -topk8 -in KEY -out NEW'],
      });
      await assert.rejects(localKeySigner(pem, { where: 'a.key', passphrase: async () => PASSPHRASE }), expected, pem);
    }
  });

  it('refuses keys of other kinds', async () => {
    for (const name of ['ec-secp256k1', 'ec-brainpool-p256', 'rsa-1024', 'rsa-pss-sha512', 'dsa-2048', 'ed448', 'x25519']) {
      await assert.rejects(
        fixtureSigner(name),
        mlsignError('key-unsupported', /^a key of this kind is not accepted: /, { subject: `${name}.key` }),
      );
    }
  });

  it('refuses a public key and a certificate', async () => {
    await assert.rejects(localKeySigner(keyFile('ec-p256.pub'), { where: 'a.pub' }), mlsignError('key-is-public', /needs the private key/));
  });

  it('does not sign once it is interrupted', async () => {
    const signer = await fixtureSigner('ec-p256');
    await assert.rejects(signer.sign(DATA, AbortSignal.abort()), mlsignError('interrupted', 'interrupted'));
  });

  it('shows nothing of the private key or its passphrase, however it is printed', async () => {
    const secret = 'correct horse';
    const jwk = String((await fixtureSigner('ec-p256')).publicKey.export({ format: 'jwk' }).d);
    assert.equal(jwk, 'undefined');
    const signer = await fixtureSigner('ec-p256');
    const body = keyFile('ec-p256.key').toString().split('\n')[1] ?? '';
    assert.ok(!inspect(signer, { depth: 9, showHidden: true }).includes(body));
    const opened = localKeySigner(keyFile('ec-p256.encrypted.key'), { where: 'a.key', passphrase: async () => secret });
    await assert.rejects(opened, (error: unknown) => !inspect(error, { depth: 9, showHidden: true }).includes(secret));
  });
});
