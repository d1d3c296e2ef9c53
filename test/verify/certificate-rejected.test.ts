import assert from 'node:assert/strict';
import { type CertificateOptions, EKU, makeCertificate, makeChain, makeKey } from '../helpers/certificates.ts';
import { context, der, NULL, oid, sequence } from '../helpers/der.ts';
import { acceptChain, reject, rejectChain } from '../helpers/paths.ts';

const UNKNOWN = '1.3.6.1.4.1.99999.1';

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

  it('a trusted root whose own signature is broken: ca-not-root', async () => {
    await rejectChain(makeChain({ root: { corruptSignature: true } }), 'ca-not-root', /CN=test root is not a root/);
  });
});
