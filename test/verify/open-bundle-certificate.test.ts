import assert from 'node:assert/strict';
import { publicKeyHint, signData } from '../../src/formats/index.ts';
import { type AuthorityTrust, type Principal, policyFromFlags } from '../../src/policy/index.ts';
import { authorityTrust, type LeafConstraints } from '../../src/policy/principal.ts';
import { localKeySigner } from '../../src/sign/index.ts';
import { chainSigner, forged, open, rejects, sealed, trustKeys, trustRoots } from '../helpers/bundles.ts';
import { makeCertificate, makeChain, type TestChain } from '../helpers/certificates.ts';
import { fixtureSigner, HAS_ML_DSA } from '../helpers/keys.ts';

const SUBJECT = [
  ['O', 'Example'],
  ['CN', 'release-ci'],
] as const;
const LEAF = { subject: SUBJECT, subjectAlternativeNames: { email: ['ci@example.com'], uri: ['spiffe://example.com/ci'] } };

const leafOf = (chain: TestChain, leaf: LeafConstraints = {}, name = 'ci'): Principal => {
  const trust: AuthorityTrust = authorityTrust([{ pem: chain.rootPem, where: 'root.pem' }], leaf);
  return { name, trust: [trust] };
};

describe('open bundle: certificates', () => {
  const chain = makeChain({ intermediates: [{}], leaf: LEAF });

  it('opens under the root that issued the leaf', async () => {
    for (const withRoot of [false, true]) {
      const signer = await chainSigner(chain, withRoot);
      const { verified, checks, findings } = await open(await sealed(signer), trustRoots(chain.rootPem));
      assert.deepEqual(findings, []);
      assert.equal(verified?.signer.kind, 'certificate');
      assert.equal(verified.signer.certificate?.subject, 'CN=release-ci,O=Example');
      assert.equal(verified.signer.hint, publicKeyHint(chain.leaf.publicKey));
      assert.equal(verified.signer.description, signer.description);
      assert.deepEqual(
        checks.map(({ name, status }) => [name, status]),
        [
          ['bundle', 'passed'],
          ['certificate', 'passed'],
          ['signature', 'passed'],
          ['statement', 'passed'],
        ],
      );
      assert.equal(checks[1]?.detail, 'model.sig: CN=release-ci,O=Example leads to root-0.pem');
    }
  });

  it('every kind of leaf key signs and opens', async () => {
    for (const key of ['ec-p384', 'ec-p521', 'rsa-2048', 'ed25519', ...(HAS_ML_DSA ? ['ml-dsa-65' as const] : [])] as const) {
      const other = makeChain({ leaf: { key } });
      const { verified, findings } = await open(await sealed(await chainSigner(other)), trustRoots(other.rootPem));
      assert.ok(verified, `${key}: ${findings[0]?.message}`);
    }
  });

  it('another root, even with the same name, or the one that the bundle brings', async () => {
    const bytes = await sealed(await chainSigner(chain, true));
    const elsewhere = makeCertificate({ subject: 'elsewhere' }, undefined, 'ca');
    rejects(await open(bytes, trustRoots(elsewhere.pem)), 'certificate-untrusted', /./, 'CN=release-ci,O=Example');
    const { verified, findings } = await open(bytes, trustRoots(makeCertificate({}, undefined, 'ca').pem));
    assert.equal(verified, undefined);
    assert.ok(findings.length > 0 && findings.every(({ severity, code }) => severity === 'rejected' && code.startsWith('certificate-')));
  });

  it('a time at which the certificates are not valid', async () => {
    const bytes = await sealed(await chainSigner(chain));
    const at = (now: string) => open(bytes, trustRoots(chain.rootPem), { now: new Date(now) });
    rejects(await at('2040-01-01T00:00:00Z'), 'certificate-expired', /expired/, 'CN=test root');
    rejects(await at('2020-01-01T00:00:00Z'), 'certificate-not-yet-valid', /is not valid before 2026-01-01/, 'CN=test root');
  });

  it('a chain shown with the signature of another key', async () => {
    const { material } = await chainSigner(chain);
    const attacker = makeChain({ leaf: LEAF });
    const bytes = forged(material, (encoded) => signData('ecdsa-p256-sha256', attacker.leaf.privateKey, encoded));
    rejects(await open(bytes, trustRoots(chain.rootPem)), 'signature-invalid', /does not verify/);
  });

  it('a chain stripped to the bare key of its leaf', async () => {
    const key = await localKeySigner(chain.leafKeyPem, { where: 'a' });
    rejects(
      await open(await sealed(key), trustRoots(chain.rootPem)),
      'signer-untrusted',
      'the bundle is signed with a key that is not trusted',
    );
  });

  it('certificates that cannot be read', async () => {
    for (const der of [Buffer.from('3000', 'hex'), Buffer.from('junk'), chain.leaf.der.subarray(0, -1)]) {
      const { material, ...signer } = await fixtureSigner('ec-p256');
      assert.equal(material.kind, 'key');
      const bytes = await sealed({ ...signer, material: { kind: 'certificate', chain: [der] } });
      const { verified, findings } = await open(bytes, trustRoots(chain.rootPem));
      assert.equal(verified, undefined);
      assert.deepEqual(
        findings.map(({ code, severity }) => [code, severity]),
        [['certificate-malformed', 'rejected']],
      );
    }
  });

  it('among several authorities, says what is wrong with the path to the right one', async () => {
    const bytes = await sealed(await chainSigner(chain));
    const others = [1, 2].map((index) => makeChain({ root: { subject: `root ${index}` } }));
    const principals = [leafOf(others[0] ?? chain, {}, 'x'), leafOf(chain), leafOf(others[1] ?? chain, {}, 'y')];
    const { findings } = await open(bytes, principals, { now: new Date('2040-01-01T00:00:00Z') });
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['certificate-expired'],
    );
    assert.deepEqual(
      (await open(bytes, principals)).verified?.signedBy.map(({ principal }) => principal.name),
      ['ci'],
    );
  });
});

describe('open bundle: the leaf that is meant', () => {
  const chain = makeChain({ leaf: LEAF });

  it('has exactly the subject and the alternative name', async () => {
    const bytes = await sealed(await chainSigner(chain));
    for (const leaf of [
      { subject: 'CN=release-ci,O=Example' },
      { alternativeName: 'email:ci@example.com' },
      { alternativeName: 'URI:spiffe://example.com/ci' },
      { subject: 'CN=release-ci,O=Example', alternativeName: 'email:ci@example.com' },
    ]) {
      assert.ok((await open(bytes, [leafOf(chain, leaf)])).verified, JSON.stringify(leaf));
    }
  });

  it('is no other, however much alike', async () => {
    const bytes = await sealed(await chainSigner(chain));
    for (const leaf of [
      { subject: 'CN=release-ci' },
      { subject: 'CN=release-ci,O=Example,C=DE' },
      { subject: 'CN=Release-CI,O=Example' },
      { subject: 'O=Example,CN=release-ci' },
      { subject: 'CN=release-ci, O=Example' },
      { subject: '' },
      { alternativeName: 'ci@example.com' },
      { alternativeName: 'email:ci@example.com.evil.example' },
      { alternativeName: 'email:CI@example.com' },
      { alternativeName: 'URI:spiffe://example.com' },
      { alternativeName: 'DNS:ci@example.com' },
      { subject: 'CN=release-ci,O=Example', alternativeName: 'email:other@example.com' },
    ]) {
      const opened = await open(bytes, [leafOf(chain, leaf)]);
      rejects(opened, 'signer-untrusted', 'the certificate is of a trusted authority, but for another signer');
      assert.equal(opened.findings[0]?.got, 'CN=release-ci,O=Example, email:ci@example.com, URI:spiffe://example.com/ci');
    }
  });

  it('cannot be imitated by a common name that looks like two parts', async () => {
    const imitation = makeChain({ leaf: { subject: 'release-ci,O=Example' } });
    const opened = await open(await sealed(await chainSigner(imitation)), [leafOf(imitation, { subject: 'CN=release-ci,O=Example' })]);
    rejects(opened, 'signer-untrusted', /for another signer/);
  });

  it('signs with the scheme that the policy says', async () => {
    const bytes = await sealed(await chainSigner(chain));
    assert.ok((await open(bytes, [leafOf(chain, { scheme: 'ecdsa-p256-sha256' })])).verified);
    rejects(await open(bytes, [leafOf(chain, { scheme: 'ml-dsa-65' })]), 'scheme-mismatch', /ml-dsa-65 is not a scheme of this key/);
    const rsa = makeChain({ leaf: { key: 'rsa-2048' } });
    const signer = await localKeySigner(rsa.leafKeyPem, { where: 'a', rsaPadding: 'pkcs1' });
    const pkcs1 = await sealed({ ...signer, material: { kind: 'certificate', chain: rsa.chain } });
    assert.ok((await open(pkcs1, [leafOf(rsa, { scheme: 'rsa-pkcs1-sha256' })])).verified);
    rejects(await open(pkcs1, [leafOf(rsa)]), 'signature-invalid', /does not verify/);
  });
});

describe('open bundle: pinned certificates and keys', () => {
  const chain = makeChain({ intermediates: [{}] });
  const pinned = [{ pem: chain.leafPem, where: 'leaf.crt' }];
  const trust = policyFromFlags({ trustKeys: pinned }).principals;

  it('a pinned certificate vouches for its key, whether the bundle shows the key or the chain', async () => {
    const key = await localKeySigner(chain.leafKeyPem, { where: 'a' });
    for (const signer of [key, await chainSigner(chain)]) {
      const { verified } = await open(await sealed(signer), trust);
      assert.equal(verified?.signer.certificate?.subject, 'CN=test leaf');
      assert.equal(verified.signedBy[0]?.trust.where, 'leaf.crt');
    }
  });

  it('a pinned certificate counts while it is valid', async () => {
    const bytes = await sealed(await localKeySigner(chain.leafKeyPem, { where: 'a' }));
    const at = (now: string) => open(bytes, trust, { now: new Date(now) });
    const expired = await at('2036-01-01T00:00:01Z');
    rejects(expired, 'trusted-certificate-expired', 'the certificate that is trusted for this signature has expired');
    assert.equal(expired.findings[0]?.got, 'leaf.crt: valid from 2026-01-01T00:00:00.000Z to 2036-01-01T00:00:00.000Z');
    rejects(
      await at('2025-12-31T23:59:59Z'),
      'trusted-certificate-not-yet-valid',
      'the certificate that is trusted for this signature is not valid yet',
    );
    assert.ok((await at('2026-01-01T00:00:00Z')).verified);
    assert.ok((await at('2036-01-01T00:00:00Z')).verified);
  });

  it('a pinned key has no end, and needs nothing of the chain around it', async () => {
    const keyTrust = trustKeys({ pem: chain.leaf.publicKeyPem, where: 'leaf.pub' });
    const bytes = await sealed(await chainSigner(chain));
    const { verified } = await open(bytes, keyTrust, { now: new Date('2050-01-01T00:00:00Z') });
    assert.deepEqual(
      verified?.signedBy.map(({ trust: { where } }) => where),
      ['leaf.pub'],
    );
  });

  it('a pinned key does not stand for a chain with another leaf, even where it signed', async () => {
    const { material } = await chainSigner(chain);
    const signer = await fixtureSigner('ec-p256');
    const bytes = await sealed({ ...signer, material });
    rejects(
      await open(bytes, trustKeys('ec-p256')),
      'signer-untrusted',
      'the bundle is signed with a certificate whose key is not trusted',
    );
    rejects(await open(bytes, [...trustKeys('ec-p256'), ...trust]), 'signature-invalid', /does not verify/);
  });

  it('an expired pin does not spoil the path to a trusted root', async () => {
    const old = makeCertificate({ key: chain.leaf, notAfter: new Date('2026-02-01T00:00:00Z') });
    const principals = policyFromFlags({
      trustKeys: [{ pem: old.pem, where: 'old.crt' }],
      cas: [{ pem: chain.rootPem, where: 'root.pem' }],
    }).principals;
    const { verified } = await open(await sealed(await chainSigner(chain)), principals);
    assert.deepEqual(
      verified?.signedBy.map(({ trust: { where } }) => where),
      ['root.pem'],
    );
  });

  it('a leaf whose key is of a kind that is not accepted', async () => {
    const odd = makeChain({ leaf: { key: 'ec-secp256k1' } });
    const bytes = forged({ kind: 'certificate', chain: odd.chain }, () => Buffer.alloc(70));
    const { verified, findings } = await open(bytes, trustRoots(odd.rootPem));
    assert.equal(verified, undefined);
    assert.equal(findings.length, 1);
    assert.match(findings[0]?.code ?? '', /^(key-unsupported|certificate-weak)$/);
  });
});
