import assert from 'node:assert/strict';
import { checkFlagsBesidePolicy, combine, FLAGS_OF_A_POLICY, policyFromFlags, selectRule } from '../../src/policy/index.ts';
import { makeChain } from '../helpers/certificates.ts';
import { keyFile, mlsignError } from '../helpers/keys.ts';

const key = (name: string) => ({ pem: keyFile(`${name}.pub`), where: `${name}.pub` });

describe('policy from flags', () => {
  it('is a policy of one rule: any one of the trusted signers', () => {
    const { root } = makeChain();
    const policy = policyFromFlags({ trustKeys: [key('ec-p256'), key('ed25519')], cas: [{ pem: root.pem, where: 'root.pem' }] });
    const rule = selectRule(policy, '/any/model');
    assert.equal(rule.signedBy.length, 1);
    assert.equal(rule.signedBy[0]?.threshold, 1);
    assert.deepEqual(rule.signedBy[0]?.of, policy.principals);
    assert.deepEqual(
      policy.principals.map(({ name, trust }) => [name, trust[0]?.kind]),
      [
        ['key ec-p256.pub', 'key'],
        ['key ed25519.pub', 'key'],
        ['authority root.pem', 'ca'],
      ],
    );
    assert.equal(rule.signedBy[0]?.text, '1 of [key ec-p256.pub, key ed25519.pub, authority root.pem]');
    assert.deepEqual(
      [rule.allowLegacy, rule.allowSymlinks, rule.ignoreUnsigned, rule.ignorePaths, rule.unsignedPaths],
      [false, false, false, 'signed', []],
    );
  });

  it('carries what the flags allow', () => {
    const flags = { trustKeys: [key('ec-p256')], allowLegacy: true, allowSymlinks: true, ignoreUnsigned: true, unsignedPaths: ['a'] };
    const { allowLegacy, allowSymlinks, ignoreUnsigned, unsignedPaths } = selectRule(policyFromFlags(flags), '/m');
    assert.deepEqual([allowLegacy, allowSymlinks, ignoreUnsigned, unsignedPaths], [true, true, true, ['a']]);
  });

  it('without anybody to trust is a usage error', () => {
    const expected = mlsignError('trust-missing', 'nobody is trusted: a signature proves nothing without a trusted signer', {
      outcome: 'usage',
    });
    assert.throws(() => policyFromFlags({}), expected);
    assert.throws(() => policyFromFlags({ trustKeys: [], cas: [] }), expected);
  });

  it('pins the key of a certificate that is given as a trusted key, with its validity', () => {
    const { leaf } = makeChain();
    const [trust] = policyFromFlags({ trustKeys: [{ pem: leaf.pem, where: 'leaf.crt' }] }).principals[0]?.trust ?? [];
    assert.ok(trust?.kind === 'key' && trust.key.equals(leaf.publicKey));
    assert.deepEqual(trust.certificate?.notAfter, new Date('2036-01-01T00:00:00Z'));
  });

  it('uses RSA keys with PSS, or PKCS#1 v1.5 where that is asked for', () => {
    const scheme = (name: string, rsaPadding?: 'pkcs1') => {
      const [trust] = policyFromFlags({ trustKeys: [key(name)], rsaPadding }).principals[0]?.trust ?? [];
      return trust?.kind === 'key' ? trust.scheme : undefined;
    };
    assert.equal(scheme('rsa-2048'), 'rsa-pss-sha256');
    assert.equal(scheme('rsa-2048', 'pkcs1'), 'rsa-pkcs1-sha256');
    assert.equal(scheme('ec-p384', 'pkcs1'), 'ecdsa-p384-sha384');
  });

  it('refuses what is no public key, certificate or root', () => {
    const flags = (name: string) => ({ trustKeys: [{ pem: keyFile(name), where: name }] });
    assert.throws(() => policyFromFlags(flags('ec-p256.key')), mlsignError('key-is-private', /needs the public key only/));
    assert.throws(() => policyFromFlags(flags('ed448.pub')), mlsignError('key-unsupported', /not accepted: ed448/));
    assert.throws(() => policyFromFlags(flags('ec-secp256k1.pub')), mlsignError('key-unsupported', /not accepted: ec secp256k1/));
    const ca = { cas: [{ pem: keyFile('ec-p256.pub'), where: 'root.pem' }] };
    assert.throws(() => policyFromFlags(ca), mlsignError('certificate-malformed', 'the file holds something that is not a certificate'));
  });
});

describe('flags beside a policy', () => {
  it('demand more (AND), and allow nothing more', () => {
    const policy = policyFromFlags({ trustKeys: [key('ec-p256')] });
    const flags = { trustKeys: [key('ed25519'), key('ec-p384')], allowLegacy: true };
    const both = selectRule(combine(policy, flags), '/m');
    assert.deepEqual(
      both.signedBy.map(({ text }) => text),
      ['key ec-p256.pub', '1 of [key ed25519.pub, key ec-p384.pub]'],
    );
    assert.equal(both.allowLegacy, false);
    assert.equal(combine(policy, flags).principals.length, 3);
  });

  it('that would widen it are refused', () => {
    for (const name of FLAGS_OF_A_POLICY) {
      const message = `a policy says itself what it allows; leave out: --${name}`;
      assert.throws(
        () => checkFlagsBesidePolicy(['policy', name, 'json']),
        mlsignError('flag-beside-policy', message, { outcome: 'usage' }),
      );
    }
    checkFlagsBesidePolicy(['policy', 'trust-key', 'ca', 'json']);
  });
});
