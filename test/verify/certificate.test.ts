import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import {
  type CertificateOptions,
  EKU,
  makeCertificate,
  makeChain,
  makeKey,
  type TestKeyType,
  type TestSignature,
} from '../helpers/certificates.ts';
import { boolean, context, der, integer, NULL, octets, oid, sequence } from '../helpers/der.ts';
import { accept, acceptChain, reject, rejectChain, validate } from '../helpers/paths.ts';

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

describe('validatePath rejects', () => {
  it('a leaf of another authority: certificate-untrusted', async () => {
    const { chain } = makeChain({ root: { subject: 'stranger' } });
    const finding = await reject(
      chain,
      [makeChain().root],
      'certificate-untrusted',
      'the certificate of CN=test leaf does not lead to a trusted root',
    );
    assert.equal(finding.subject, 'CN=test leaf');
    assert.equal(finding.expected, 'a path to CN=test root');
    assert.equal(finding.got, 'issued by CN=stranger');
    assert.match(finding.suggestion ?? '', /--ca/);
  });

  it('a leaf of an authority with the trusted name and another key: certificate-untrusted', async () => {
    const finding = await reject(makeChain().chain, [makeChain().root], 'certificate-untrusted', /does not lead to a trusted root/);
    assert.equal(finding.got, 'issued by CN=test root; a trusted root has the name that is needed, but another key');
  });

  it('a root that only the bundle brings: certificate-untrusted', async () => {
    const { chain, root } = makeChain();
    await reject([...chain, root], [makeChain().root], 'certificate-untrusted', /does not lead to a trusted root/);
    await reject([...chain, root], [], 'certificate-untrusted', /does not lead to a trusted root/);
    const leaf = makeCertificate({});
    await reject([leaf, leaf], [root], 'certificate-untrusted', /does not lead to a trusted root/);
  });

  it('a chain without its intermediate: certificate-untrusted', async () => {
    const { leaf, root } = makeChain({ intermediates: [{}] });
    await reject([leaf], [root], 'certificate-untrusted', 'the certificate of CN=test leaf does not lead to a trusted root');
  });

  it('an issuer whose key identifier is another: certificate-untrusted', async () => {
    await rejectChain(makeChain({ leaf: { authorityKeyId: Buffer.alloc(20, 7) } }), 'certificate-untrusted', /does not lead/);
    const serial = sequence(context(2, Buffer.of(9), false));
    await rejectChain(
      makeChain({ leaf: { authorityKeyId: null, extensions: [{ id: '2.5.29.35', value: serial }] } }),
      'certificate-untrusted',
      /does not lead/,
    );
  });

  it('an issuer whose name has the same values in other parts: certificate-untrusted', async () => {
    const pair = (id: string, value: string): Buffer => sequence(oid(id), der(0x0c, Buffer.from(value)));
    const [o, cn] = [pair('2.5.4.10', 'a'), pair('2.5.4.3', 'b')];
    const root = makeCertificate({ subject: sequence(der(0x31, o), der(0x31, cn)) }, undefined, 'ca');
    const leaf = makeCertificate({ issuerName: sequence(der(0x31, cn, o)) }, root);
    await reject([leaf], [root], 'certificate-untrusted', /does not lead/);
  });

  const [early, late] = [new Date('2026-02-01T00:00:00Z'), new Date('2026-02-02T00:00:00Z')];
  for (const role of ['root', 'intermediate', 'leaf'] as const) {
    const limited = { notBefore: early, notAfter: late };
    const made = makeChain({
      root: role === 'root' ? limited : {},
      intermediates: [role === 'intermediate' ? limited : {}],
      leaf: role === 'leaf' ? limited : {},
    });
    const name = role === 'intermediate' ? 'test intermediate 1' : `test ${role}`;

    it(`an expired ${role}: certificate-expired`, async () => {
      const message = `the certificate of CN=${name} expired at 2026-02-02T00:00:00Z`;
      const finding = await rejectChain(made, 'certificate-expired', message, new Date('2026-02-02T00:00:01Z'));
      assert.equal(finding.expected, 'valid at 2026-02-02T00:00:01Z');
      assert.equal(finding.got, 'valid until 2026-02-02T00:00:00Z');
    });

    it(`the ${role} before its time: certificate-not-yet-valid`, async () => {
      const message = `the certificate of CN=${name} is not valid before 2026-02-01T00:00:00Z`;
      await rejectChain(made, 'certificate-not-yet-valid', message, new Date('2026-01-31T23:59:59.999Z'));
    });
  }

  for (const [what, options, got] of [
    ['CA:FALSE', { basicConstraints: { ca: false } }, 'CA:FALSE'],
    ['no basic constraints', { basicConstraints: null }, 'no basic constraints'],
    ['version 1', { version: 1 }, 'no basic constraints'],
  ] as const satisfies readonly (readonly [string, CertificateOptions, string])[]) {
    it(`an issuer with ${what}: certificate-not-ca`, async () => {
      const message = 'the certificate of CN=test intermediate 1 is not that of a certificate authority, but issued another';
      const finding = await rejectChain(makeChain({ intermediates: [options] }), 'certificate-not-ca', message);
      assert.equal(finding.got, got);
      await rejectChain(makeChain({ root: options }), 'certificate-not-ca', /of CN=test root is not that of a certificate authority/);
    });
  }

  it('a leaf that was issued by a leaf: certificate-not-ca', async () => {
    const { leaf, root } = makeChain();
    await reject([makeCertificate({ subject: 'forged' }, leaf), leaf], [root], 'certificate-not-ca', /CN=test leaf is not that of/);
  });

  for (const keyUsage of [['keyEncipherment'], ['contentCommitment'], ['keyCertSign', 'cRLSign'], []] as const) {
    it(`a leaf whose key usage is ${keyUsage.join(' and ') || 'empty'}: certificate-usage`, async () => {
      const made = makeChain({ leaf: { keyUsage, basicConstraints: { ca: true } } });
      const finding = await rejectChain(made, 'certificate-usage', 'the certificate of CN=test leaf may not sign');
      assert.equal(finding.expected, 'key usage digitalSignature');
    });
  }

  it('a leaf or an authority for other purposes: certificate-usage', async () => {
    const other = { extendedKeyUsage: [EKU.serverAuth, '1.2.3.4'] };
    const finding = await rejectChain(
      makeChain({ leaf: other }),
      'certificate-usage',
      /^the certificate of CN=test leaf is for other purposes than codeSigning$/,
    );
    assert.equal(finding.expected, 'codeSigning');
    assert.equal(finding.got, 'serverAuth, 1.2.3.4');
    await rejectChain(makeChain({ intermediates: [other] }), 'certificate-usage', /CN=test intermediate 1 is for other purposes/);
    await rejectChain(makeChain({ root: other }), 'certificate-usage', /CN=test root is for other purposes/);
  });

  it('an authority that may not sign certificates: certificate-usage', async () => {
    const made = makeChain({ intermediates: [{ keyUsage: ['digitalSignature', 'cRLSign'] }] });
    await rejectChain(made, 'certificate-usage', 'the certificate of CN=test intermediate 1 may not sign certificates');
  });

  it('a leaf that may sign certificates without being an authority: certificate-usage', async () => {
    const made = makeChain({ leaf: { keyUsage: ['digitalSignature', 'keyCertSign'], basicConstraints: { ca: false } } });
    await rejectChain(made, 'certificate-usage', /may sign certificates but is not a certificate authority/);
  });

  it('more authorities than one above allows: certificate-path-length', async () => {
    const tight = { basicConstraints: { ca: true, pathLength: 0 } };
    const message = 'the certificate of CN=test intermediate 2 stands below more certificate authorities than one of them allows';
    await rejectChain(makeChain({ intermediates: [tight, {}] }), 'certificate-path-length', message);
    await rejectChain(makeChain({ root: tight, intermediates: [{}] }), 'certificate-path-length', /CN=test intermediate 1 stands below/);
    // A length further down cannot widen the one above.
    const wide = { basicConstraints: { ca: true, pathLength: 5 } };
    await rejectChain(
      makeChain({ root: { basicConstraints: { ca: true, pathLength: 1 } }, intermediates: [wide, wide] }),
      'certificate-path-length',
      /CN=test intermediate 2/,
    );
    await acceptChain(makeChain({ intermediates: [tight] }));
  });

  it('a critical extension that nobody here knows: certificate-critical-extension', async () => {
    const extensions = [{ id: UNKNOWN, critical: true, value: NULL }];
    const message = `the certificate of CN=test leaf has a critical extension that mlsign does not process: ${UNKNOWN}`;
    await rejectChain(makeChain({ leaf: { extensions } }), 'certificate-critical-extension', message);
    await rejectChain(makeChain({ intermediates: [{ extensions }] }), 'certificate-critical-extension', /CN=test intermediate 1/);
    await rejectChain(makeChain({ root: { extensions } }), 'certificate-critical-extension', /CN=test root/);
    await acceptChain(makeChain({ leaf: { extensions: [{ id: UNKNOWN, value: NULL }] } }));
  });

  it('a changed signature, or one of another key: certificate-signature', async () => {
    const message = 'the certificate of CN=test leaf is not signed by the issuer that it names, CN=test root';
    await rejectChain(makeChain({ leaf: { corruptSignature: true } }), 'certificate-signature', message);
    await rejectChain(makeChain({ leaf: { signWith: makeKey() } }), 'certificate-signature', message);
    await rejectChain(makeChain({ leaf: { signWith: makeKey('ed25519') } }), 'certificate-signature', message);
    await rejectChain(
      makeChain({ intermediates: [{ corruptSignature: true }] }),
      'certificate-signature',
      /CN=test intermediate 1 is not signed by/,
    );
  });

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

  it('a trusted certificate that is not self-signed: ca-not-root', async () => {
    const { leaf, root, intermediates } = makeChain({ intermediates: [{}] });
    const message = 'the certificate of CN=test intermediate 1 is not a root: it is not self-signed';
    const finding = await reject([leaf], intermediates, 'ca-not-root', message);
    assert.match(finding.suggestion ?? '', /--trust-key/);
    await reject([leaf, ...intermediates], [root, ...intermediates], 'ca-not-root', message);
    await reject([leaf], [leaf], 'ca-not-root', /CN=test leaf is not a root/);
    const selfIssued = makeCertificate({ subject: 'test root' }, root, 'ca');
    await reject([makeCertificate({}, selfIssued)], [selfIssued], 'ca-not-root', /CN=test root is not a root/);
  });

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

  it('a trusted root whose own signature is broken: ca-not-root', async () => {
    await rejectChain(makeChain({ root: { corruptSignature: true } }), 'ca-not-root', /CN=test root is not a root/);
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
  });

  it('is malformed when cut off, wherever that is', async () => {
    for (let length = 0; length < leaf.der.length; length++) {
      await reject([leaf.der.subarray(0, length)], [root], 'certificate-malformed', /^certificate 1 of the bundle is malformed: /);
    }
    await reject([leaf, octets(Buffer.of(1))], [root], 'certificate-malformed', /^certificate 2 of the bundle is malformed: /);
    await reject([leaf], [root, root.der.subarray(1)], 'certificate-malformed', /^trusted certificate 2 is malformed: /);
  });
});
