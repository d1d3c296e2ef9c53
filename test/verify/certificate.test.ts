import assert from 'node:assert/strict';
import { type CertificateOptions, EKU, makeCertificate, makeChain, makeKey, type TestKeyType } from '../helpers/certificates.ts';
import { boolean, der, NULL, octets, oid, sequence } from '../helpers/der.ts';
import { accept, acceptChain, reject, validate } from '../helpers/paths.ts';

const KEY_TYPES: readonly TestKeyType[] = ['ec-p256', 'ec-p384', 'ec-p521', 'rsa-2048', 'rsa-pss-2048', 'ed25519'];
const hasMlDsa = Number(process.versions.node.split('.')[0]) >= 24;
const UNKNOWN = '1.3.6.1.4.1.99999.1';

describe('validatePath accepts', () => {
  it('a leaf below a root, and gives its key and the path', async () => {
    const { chain, root, leaf } = makeChain();
    const result = await validate(chain, [root]);
    assert.ok(result.ok);
    assert.equal(result.leaf.subject, 'CN=test leaf');
    assert.ok(result.publicKey.equals(leaf.publicKey));
    assert.deepEqual(
      result.path.map(({ subject }) => subject),
      ['CN=test leaf', 'CN=test root'],
    );
  });

  it('intermediates in any order, with certificates that have nothing to do with it', async () => {
    const { leaf, root, intermediates } = makeChain({ intermediates: [{}, {}, {}] });
    const other = makeChain({ intermediates: [{ extensions: [{ id: UNKNOWN, critical: true, value: NULL }] }] });
    assert.deepEqual(await accept([leaf, root, ...intermediates, ...other.chain], [other.root, root]), [
      'CN=test leaf',
      'CN=test intermediate 3',
      'CN=test intermediate 2',
      'CN=test intermediate 1',
      'CN=test root',
    ]);
  });

  for (const key of hasMlDsa ? [...KEY_TYPES, 'ml-dsa-44' as const, 'ml-dsa-65' as const, 'ml-dsa-87' as const] : KEY_TYPES) {
    it(`issuers and leaves with keys of ${key}`, async () => {
      await acceptChain(makeChain({ root: { key }, intermediates: [{ key }], leaf: { key } }));
    });
  }

  it('RSA issuers over an EC leaf, signed with PKCS#1 or with PSS', async () => {
    await acceptChain(makeChain({ root: { key: 'rsa-3072' } }));
    await acceptChain(makeChain({ root: { key: 'rsa-2048', signature: 'rsa-pss-sha256' }, leaf: { signature: 'rsa-pss-sha256' } }));
  });

  it('a leaf with CA:TRUE', async () => {
    await acceptChain(makeChain({ leaf: { basicConstraints: { ca: true } } }));
    await acceptChain(
      makeChain({ leaf: { basicConstraints: { ca: true, pathLength: 0 }, keyUsage: ['digitalSignature', 'keyCertSign'] } }),
    );
  });

  it('a leaf without basic constraints, and one that spells CA:FALSE out', async () => {
    await acceptChain(makeChain({ leaf: { basicConstraints: null } }));
    await acceptChain(makeChain({ leaf: { extensions: [{ id: '2.5.29.19', value: sequence(boolean(false)) }] } }));
  });

  for (const [what, options] of [
    ['without CA', {}],
    ['with CA:TRUE', { basicConstraints: { ca: true } }],
    ['without any extension', { keyUsage: null, extendedKeyUsage: null, subjectKeyId: null, authorityKeyId: null }],
    ['of version 1', { version: 1 }],
  ] as const satisfies readonly (readonly [string, CertificateOptions])[]) {
    it(`a self-signed leaf that is its own trusted root, ${what}`, async () => {
      const leaf = makeCertificate(options);
      assert.deepEqual(await accept([leaf], [leaf]), ['CN=test leaf']);
      assert.deepEqual(await accept([leaf, leaf], [makeChain().root, leaf]), ['CN=test leaf']);
    });
  }

  it('a leaf with the same subject as its issuer', async () => {
    await acceptChain(makeChain({ root: { subject: 'models' }, leaf: { subject: 'models' } }));
    await acceptChain(makeChain({ root: { subject: 'models' }, intermediates: [{ subject: 'models' }], leaf: { subject: 'models' } }));
  });

  it('no key usage, no extended key usage, and either alone', async () => {
    await acceptChain(makeChain({ leaf: { keyUsage: null, extendedKeyUsage: null } }));
    await acceptChain(makeChain({ leaf: { keyUsage: null } }));
    await acceptChain(makeChain({ leaf: { extendedKeyUsage: null } }));
    await acceptChain(makeChain({ leaf: { extendedKeyUsage: [EKU.any] } }));
    await acceptChain(makeChain({ leaf: { extendedKeyUsage: [EKU.serverAuth, EKU.codeSigning] } }));
    await acceptChain(makeChain({ root: { keyUsage: null }, intermediates: [{ keyUsage: null }] }));
  });

  it('authorities whose basic constraints are not critical, and ones without key identifiers', async () => {
    const old = { basicConstraints: { ca: true, critical: false }, subjectKeyId: null, authorityKeyId: null };
    await acceptChain(makeChain({ root: old, intermediates: [old], leaf: { subjectKeyId: null, authorityKeyId: null } }));
  });

  it('names that differ in case, spaces and kind of string only', async () => {
    const { root } = makeChain({
      root: {
        subject: [
          ['O', 'Mödel  Forge'],
          ['CN', 'Root'],
        ],
      },
    });
    const printable = sequence(
      der(0x31, sequence(oid('2.5.4.10'), der(0x1e, Buffer.from('MÖDEL FORGE', 'utf16le').swap16()))),
      der(0x31, sequence(oid('2.5.4.3'), der(0x13, Buffer.from(' root ')))),
    );
    await accept([makeCertificate({ issuerName: printable }, root)], [root]);
  });

  it('a root that signed itself with SHA-1: nothing rests on that signature', async () => {
    await acceptChain(makeChain({ root: { key: 'rsa-2048', signature: 'rsa-sha1' } }));
  });

  it('an authority that changed its key (self-issued) without counting it in the path length', async () => {
    const root = makeCertificate({ subject: 'forge', basicConstraints: { ca: true, pathLength: 0 } }, undefined, 'ca');
    const rollover = makeCertificate({ subject: 'forge', basicConstraints: { ca: true } }, root, 'ca');
    await accept([makeCertificate({}, rollover), rollover], [root]);
  });

  it('another path where the first one found is not valid', async () => {
    const { root } = makeChain();
    const key = makeKey();
    const subject = 'twice';
    const expired = makeCertificate({ subject, key, notAfter: new Date('2026-01-02T00:00:00Z') }, root, 'ca');
    const current = makeCertificate({ subject, key }, root, 'ca');
    await accept([makeCertificate({}, current), expired, current], [root]);
  });

  it('each end of the validity period', async () => {
    const [notBefore, notAfter] = [new Date('2026-02-01T00:00:00Z'), new Date('2026-02-02T00:00:00Z')];
    const made = makeChain({ leaf: { notBefore, notAfter } });
    await acceptChain(made, notBefore);
    await acceptChain(made, new Date(notAfter.getTime() + 999));
  });

  it('a purpose other than code signing where the caller asks for it', async () => {
    const { chain, root } = makeChain({ leaf: { extendedKeyUsage: [EKU.timeStamping] } });
    await accept(chain, [root], undefined, { extendedKeyUsage: EKU.timeStamping });
  });
});

describe('a certificate that is changed anywhere', () => {
  const { leaf, root, intermediates } = makeChain({ intermediates: [{}] });

  it('never passes, whichever byte of the leaf, the intermediate or the root it is', async () => {
    const certificates = [leaf.der, ...intermediates.map((one) => one.der), root.der];
    for (const [which, original] of certificates.entries()) {
      for (let at = 0; at < original.length; at++) {
        const changed = Buffer.from(original);
        changed[at] = (changed[at] ?? 0) ^ 1;
        const [first = leaf.der, second = leaf.der, third = root.der] = certificates.with(which, changed);
        const result = await validate([first, second], [third]);
        assert.ok(!result.ok, `byte ${at} of certificate ${which}`);
      }
    }
  }).timeout(60_000);

  it('is malformed when cut off, wherever that is', async () => {
    for (let length = 0; length < leaf.der.length; length++) {
      await reject([leaf.der.subarray(0, length)], [root], 'certificate-malformed', /^certificate 1 of the bundle is malformed: /);
    }
    await reject([leaf, octets(Buffer.of(1))], [root], 'certificate-malformed', /^certificate 2 of the bundle is malformed: /);
    await reject([leaf], [root, root.der.subarray(1)], 'certificate-malformed', /^trusted certificate 2 is malformed: /);
  });
});
