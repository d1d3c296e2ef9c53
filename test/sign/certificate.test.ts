import assert from 'node:assert/strict';
import { certificateSigner, localKeySigner, type NamedPem, seal } from '../../src/sign/index.ts';
import { makeCertificate, makeChain, VALID_AT } from '../helpers/certificates.ts';
import { fixtureSigner, mlsignError } from '../helpers/keys.ts';

const named = (pem: string, where = 'cert.pem'): NamedPem => ({ pem, where });
const now = VALID_AT;

describe('certificate signer', () => {
  it('shows the chain as it is given, leaf first, and signs with the key', async () => {
    const { leafPem, leafKeyPem, chainPem, rootPem, chain, root } = makeChain({ intermediates: [{}, {}] });
    const key = await localKeySigner(leafKeyPem, { where: 'leaf.key' });
    const shown = (certificates: readonly NamedPem[]) => {
      const [certificate = named(''), ...rest] = certificates;
      return certificateSigner(key, { certificate, chain: rest, now }).material;
    };
    assert.deepEqual(shown([named(leafPem)]), { kind: 'certificate', chain: chain.slice(0, 1) });
    assert.deepEqual(shown([named(leafPem), named(chainPem)]), { kind: 'certificate', chain });
    assert.deepEqual(shown([named(leafPem), named(chainPem), named(rootPem)]), { kind: 'certificate', chain: [...chain, root.der] });
    assert.deepEqual(shown([named(leafPem + chainPem)]), { kind: 'certificate', chain }, 'a full chain in one file');
    const bundle = await seal(Buffer.from('{}'), certificateSigner(key, { certificate: named(leafPem), now }));
    assert.equal(bundle.material.kind, 'certificate');
  });

  it('names the certificate in its description', async () => {
    const { leafPem, leafKeyPem } = makeChain({
      leaf: {
        subject: [
          ['O', 'Example'],
          ['CN', 'release'],
        ],
      },
    });
    const signer = certificateSigner(await localKeySigner(leafKeyPem, { where: 'a' }), { certificate: named(leafPem), now });
    assert.match(signer.description, /^ECDSA P-256 with SHA-256, key [0-9a-f]{16}, certificate CN=release,O=Example$/);
  });

  it('takes a self-signed leaf that is given as its own root', async () => {
    const leaf = makeCertificate({});
    const signer = await localKeySigner(leaf.keyPem, { where: 'a' });
    const { material } = certificateSigner(signer, { certificate: named(leaf.pem), chain: [named(leaf.pem)], now });
    assert.deepEqual(material, { kind: 'certificate', chain: [leaf.der] });
  });

  it('refuses a certificate for another key', async () => {
    const { leafPem } = makeChain();
    const signer = await fixtureSigner('ec-p256');
    const expected = mlsignError('certificate-key-mismatch', 'the certificate is for another key than the one that signs', {
      outcome: 'refused',
      subject: 'leaf.pem',
      got: 'CN=test leaf',
    });
    assert.throws(() => certificateSigner(signer, { certificate: named(leafPem, 'leaf.pem'), now }), expected);
  });

  it('refuses a chain out of order, with a gap, or of another authority', async () => {
    const { leafPem, leafKeyPem, rootPem, intermediates } = makeChain({ intermediates: [{}, {}] });
    const [upper = '', lower = ''] = intermediates.map(({ pem }) => pem);
    const key = await localKeySigner(leafKeyPem, { where: 'leaf.key' });
    const wrong: readonly (readonly string[])[] = [
      [upper, lower],
      [upper],
      [lower, rootPem],
      [rootPem],
      [lower, upper, makeChain().rootPem],
      [makeChain({ intermediates: [{}] }).chainPem],
    ];
    for (const chain of wrong) {
      const options = { certificate: named(leafPem), chain: chain.map((pem) => named(pem, 'chain.pem')), now };
      const expected = mlsignError(
        'certificate-chain-order',
        'the certificate chain must run from the leaf to the root, each one issued by the next',
        {
          outcome: 'refused',
          subject: 'chain.pem',
        },
      );
      assert.throws(() => certificateSigner(key, options), expected);
    }
  });

  it('refuses an issuer that has the right name and another key', async () => {
    const real = makeChain({ intermediates: [{ subjectKeyId: null }], leaf: { authorityKeyId: null } });
    const twin = makeCertificate({ subject: 'test intermediate 1', subjectKeyId: null }, real.root, 'ca');
    const key = await localKeySigner(real.leafKeyPem, { where: 'a' });
    const options = { certificate: named(real.leafPem), chain: [named(twin.pem)], now };
    assert.throws(() => certificateSigner(key, options), mlsignError('certificate-chain-order', /each one issued by the next/));
  });

  it('refuses an issuer that has the right key and another name', async () => {
    const real = makeChain({ intermediates: [{}], leaf: { issuerName: 'somebody else' } });
    const key = await localKeySigner(real.leafKeyPem, { where: 'a' });
    const options = { certificate: named(real.leafPem), chain: [named(real.chainPem)], now };
    assert.throws(() => certificateSigner(key, options), mlsignError('certificate-chain-order', /each one issued by the next/));
  });

  it('refuses a certificate that nobody could verify now', async () => {
    const { leafPem, leafKeyPem } = makeChain();
    const key = await localKeySigner(leafKeyPem, { where: 'a' });
    const at = (time: string) => () => certificateSigner(key, { certificate: named(leafPem), now: new Date(time) });
    const valid = 'valid from 2026-01-01T00:00:00.000Z to 2036-01-01T00:00:00.000Z';
    assert.throws(at('2036-01-01T00:00:01Z'), mlsignError('certificate-expired', 'the certificate has expired', { got: valid }));
    assert.throws(at('2025-12-31T23:59:59Z'), mlsignError('certificate-not-yet-valid', 'the certificate is not valid yet', { got: valid }));
    at('2026-01-01T00:00:00Z')();
    at('2036-01-01T00:00:00Z')();
  });

  it('refuses a file that holds no certificate', async () => {
    const { leafPem, leafKeyPem } = makeChain();
    const key = await localKeySigner(leafKeyPem, { where: 'a' });
    const expected = mlsignError('certificate-malformed', 'the file holds something that is not a certificate', { got: 'private key' });
    assert.throws(() => certificateSigner(key, { certificate: named(leafPem), chain: [named(leafKeyPem)], now }), expected);
  });
});
