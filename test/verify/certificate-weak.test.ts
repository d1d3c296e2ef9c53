import { generateKeyPairSync } from 'node:crypto';
import { makeCertificate, makeChain, type TestKeyType, type TestSignature } from '../helpers/certificates.ts';
import { context, integer, NULL, oid, sequence } from '../helpers/der.ts';
import { accept, reject, rejectChain } from '../helpers/paths.ts';

describe('validatePath rejects what is weak:', () => {
  for (const [signature, title] of [
    ['rsa-sha1', 'RSA with SHA-1'],
    ['rsa-md5', 'RSA with MD5'],
  ] as const satisfies readonly (readonly [TestSignature, string])[]) {
    it(`a signature of ${title}: certificate-weak`, async () => {
      const made = makeChain({ root: { key: 'rsa-2048' }, leaf: { signature } });
      await rejectChain(
        made,
        'certificate-weak',
        `the certificate of CN=test leaf is signed with an algorithm that is not accepted: ${title}`,
      );
    });
  }

  it('a signature of ECDSA with SHA-1: certificate-weak', async () => {
    await rejectChain(makeChain({ leaf: { signature: 'ecdsa-sha1' } }), 'certificate-weak', /not accepted: ECDSA with SHA-1$/);
  });

  const hash = (id: string): Buffer => sequence(oid(id), NULL);
  const [sha1, sha256, sha384] = [hash('1.3.14.3.2.26'), hash('2.16.840.1.101.3.4.2.1'), hash('2.16.840.1.101.3.4.2.2')];
  const mask = (digest: Buffer): Buffer => sequence(oid('1.2.840.113549.1.1.8'), digest);
  const root = makeCertificate({ key: 'rsa-2048' }, undefined, 'ca');
  for (const [what, parameters] of [
    ['no parameters', []],
    ['the SHA-1 defaults', [sequence()]],
    ['SHA-1 for a digest', [sequence(context(0, sha1), context(1, mask(sha1)), context(2, integer(32)))]],
    ['two digests', [sequence(context(0, sha256), context(1, mask(sha384)), context(2, integer(32)))]],
    ['another mask', [sequence(context(0, sha256), context(1, sequence(oid('1.2.3'), sha256)), context(2, integer(32)))]],
    ['another trailer', [sequence(context(0, sha256), context(1, mask(sha256)), context(2, integer(32)), context(3, integer(2)))]],
  ] as const satisfies readonly (readonly [string, readonly Buffer[]])[]) {
    it(`a signature of RSA-PSS with ${what}: certificate-weak`, async () => {
      const algorithm = sequence(oid('1.2.840.113549.1.1.10'), ...parameters);
      const leaf = makeCertificate({ signature: 'rsa-pss-sha256', innerAlgorithm: algorithm, outerAlgorithm: algorithm }, root);
      await reject([leaf], [root], 'certificate-weak', /not accepted: RSA-PSS with unusual parameters$/);
    });
  }

  it('a signature whose algorithm has parameters that it should not have: certificate-weak', async () => {
    const algorithm = sequence(oid('1.3.101.112'), NULL);
    const made = makeChain({ root: { key: 'ed25519' }, leaf: { innerAlgorithm: algorithm, outerAlgorithm: algorithm } });
    await rejectChain(made, 'certificate-weak', /not accepted: 1\.3\.101\.112 with unusual parameters$/);
  });

  it('a signature that is good but named after the algorithm of another kind of key: certificate-signature', async () => {
    const algorithm = sequence(oid('2.16.840.1.101.3.4.3.17'));
    const made = makeChain({ root: { key: 'ed25519' }, leaf: { innerAlgorithm: algorithm, outerAlgorithm: algorithm } });
    await rejectChain(made, 'certificate-signature', /CN=test leaf is not signed by the issuer that it names/);
  });

  it('a curve given by its parameters instead of its name: certificate-weak', async () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' });
    await rejectChain(makeChain({ root: { key } }), 'certificate-weak', /CN=test root has a key that is not accepted/);
    await rejectChain(makeChain({ intermediates: [{ key }] }), 'certificate-weak', /CN=test intermediate 1 has a key that is not accepted/);
    await rejectChain(makeChain({ leaf: { key } }), 'certificate-weak', /CN=test leaf has a key that is not accepted/);
  });

  for (const [key, title] of [
    ['rsa-1024', 'RSA of 1024 bits'],
    ['ec-secp256k1', 'ec secp256k1'],
  ] as const satisfies readonly (readonly [TestKeyType, string])[]) {
    it(`a key of ${title} anywhere: certificate-weak`, async () => {
      const message = `the certificate of CN=test leaf has a key that is not accepted: ${title}`;
      await rejectChain(makeChain({ leaf: { key } }), 'certificate-weak', message);
      await rejectChain(makeChain({ root: { key } }), 'certificate-weak', /CN=test root has a key that is not accepted/);
      await rejectChain(makeChain({ intermediates: [{ key }] }), 'certificate-weak', /CN=test intermediate 1 has a key/);
      const leaf = makeCertificate({ key });
      await reject([leaf], [leaf], 'certificate-weak', message);
    });
  }

  it('a root that signed itself with MD5, when something leads to it: certificate-weak', async () => {
    const old = makeChain({ root: { key: 'rsa-2048', signature: 'rsa-md5' } });
    await rejectChain(
      old,
      'certificate-weak',
      'the certificate of CN=test root is signed with an algorithm that is not accepted: RSA with MD5',
    );
    const { chain, root } = makeChain();
    await accept(chain, [old.root, root]);
    const leaf = makeCertificate({ key: 'rsa-2048', signature: 'rsa-md5' });
    await reject([leaf], [leaf], 'certificate-weak', /CN=test leaf is signed with/);
  });
});
