import assert from 'node:assert/strict';
import { type CertificateOptions, EKU, makeCertificate, makeChain } from '../helpers/certificates.ts';
import { bits, boolean, context, der, integer, NULL, octets, oid, sequence, utf8 } from '../helpers/der.ts';
import { acceptChain, reject, rejectChain, validate } from '../helpers/paths.ts';

const CONSTRAINTS = '2.5.29.19';
const USAGE = '2.5.29.15';

/** A leaf that has this extension, written as given. */
const withExtension = (id: string, value: Uint8Array, critical = false): CertificateOptions => ({
  ...(id === USAGE ? { keyUsage: null } : {}),
  ...(id === '2.5.29.37' ? { extendedKeyUsage: null } : {}),
  ...(id === '2.5.29.14' ? { subjectKeyId: null } : {}),
  ...(id === '2.5.29.35' ? { authorityKeyId: null } : {}),
  extensions: [{ id, critical, value }],
});

const anyPolicy = oid('2.5.29.32.0');

const MALFORMED: readonly (readonly [what: string, options: CertificateOptions, message: RegExp])[] = [
  ['a negative serial number', { serial: -5n }, /CN=test leaf has a serial number that is not positive, or too long$/],
  ['a serial number of zero', { serial: 0n }, /has a serial number/],
  ['a serial number of 21 bytes', { serial: 1n << 160n }, /has a serial number/],
  ['no subject and no critical alternative name', { subject: [], subjectAlternativeNames: { dns: ['a.example'] } }, /names no subject$/],
  ['name constraints without being an authority', { nameConstraints: { permitted: { dns: [''] } } }, /has name constraints but is not/],
  ['the same extension twice', { extensions: [{ id: USAGE, value: bits(Buffer.of(0x80), 7) }] }, /extension 2\.5\.29\.15 stands twice$/],
  ['another algorithm inside than outside', { innerAlgorithm: sequence(oid('1.3.101.112')) }, /the algorithm inside its signed part/],
  [
    'basic constraints in a wrong order',
    withExtension(CONSTRAINTS, sequence(integer(1), boolean(true))),
    /the basic constraints are malformed/,
  ],
  [
    'basic constraints with a field too many',
    withExtension(CONSTRAINTS, sequence(boolean(true), integer(1), NULL)),
    /too few or too many items/,
  ],
  ['a negative path length', withExtension(CONSTRAINTS, sequence(boolean(true), integer(-1))), /a number is negative or too large/],
  ['a path length that is no number', withExtension(CONSTRAINTS, sequence(boolean(true), utf8('1'))), /an integer was expected/],
  [
    'basic constraints with bytes after them',
    withExtension(CONSTRAINTS, Buffer.concat([sequence(), NULL])),
    /there are bytes after the end/,
  ],
  ['basic constraints that are no sequence', withExtension(CONSTRAINTS, octets(Buffer.of(1))), /a sequence was expected/],
  ['a boolean of 01', withExtension(CONSTRAINTS, sequence(der(0x01, Buffer.of(1)))), /a boolean is neither 00 nor ff/],
  [
    'an integer with a needless zero',
    withExtension(CONSTRAINTS, sequence(boolean(true), der(0x02, Buffer.of(0, 1)))),
    /integer is not in its shortest/,
  ],
  ['a length in more bytes than it takes', withExtension(CONSTRAINTS, Buffer.of(0x30, 0x81, 0x00)), /a length is not in its shortest form/],
  ['an indefinite length', withExtension(CONSTRAINTS, Buffer.of(0x30, 0x80, 0, 0)), /a length that is not definite/],
  ['a tag of several bytes', withExtension(CONSTRAINTS, Buffer.of(0x3f, 0x81, 0x00, 0x00)), /a tag above 30/],
  ['a primitive sequence', withExtension(CONSTRAINTS, Buffer.of(0x10, 0x00)), /a sequence or set is primitive/],
  ['an extension that is empty', withExtension(CONSTRAINTS, Buffer.alloc(0)), /it is cut off/],
  ['a key usage that is no bit string', withExtension(USAGE, octets(Buffer.of(0x80))), /the key usage is not a bit string/],
  ['a key usage with nine unused bits', withExtension(USAGE, bits(Buffer.of(0x80), 9)), /a bit string is malformed/],
  ['an empty extended key usage', withExtension('2.5.29.37', sequence()), /too few or too many items/],
  [
    'an extended key usage that is no identifier',
    withExtension('2.5.29.37', sequence(utf8('codeSigning'))),
    /an object identifier was expected/,
  ],
  [
    'an identifier that is not whole',
    withExtension('2.5.29.37', sequence(der(0x06, Buffer.of(0x2a, 0x81)))),
    /an object identifier was expected/,
  ],
  [
    'an identifier that is padded',
    withExtension('2.5.29.37', sequence(der(0x06, Buffer.of(0x2a, 0x80, 1)))),
    /identifier is not in its shortest form/,
  ],
  ['an endless identifier', withExtension('2.5.29.37', sequence(der(0x06, Buffer.alloc(65, 1)))), /an object identifier is too long/],
  ['an empty alternative name', withExtension('2.5.29.17', sequence()), /too few or too many items/],
  [
    'an alternative name that is plain text',
    withExtension('2.5.29.17', Buffer.from('example.com')),
    /certificate 1 of the bundle is malformed/,
  ],
  ['an alternative name of no known kind', withExtension('2.5.29.17', sequence(context(9, NULL))), /of no known kind/],
  ['an alternative name with a line end', withExtension('2.5.29.17', sequence(der(0x82, Buffer.from('a\nb')))), /not printable ASCII/],
  [
    'a directory name of two names',
    withExtension('2.5.29.17', sequence(context(4, Buffer.concat([sequence(), sequence()])))),
    /a directory name is malformed/,
  ],
  [
    'a subject key identifier that is no octet string',
    withExtension('2.5.29.14', integer(1)),
    /subject key identifier is not an octet string/,
  ],
  [
    'an authority key identifier with unknown fields',
    withExtension('2.5.29.35', sequence(context(5, NULL))),
    /authority key identifier is malformed/,
  ],
  ['a policy that is no sequence', withExtension('2.5.29.32', sequence(anyPolicy)), /a sequence was expected/],
  ['a policy mapping of one', withExtension('2.5.29.33', sequence(sequence(anyPolicy))), /too few or too many items/],
  ['empty policy constraints', withExtension('2.5.29.36', sequence()), /too few or too many items/],
  [
    'policy constraints given twice',
    withExtension('2.5.29.36', sequence(der(0x80, Buffer.of(0)), der(0x80, Buffer.of(1)))),
    /policy constraints are malformed/,
  ],
  ['negative policy constraints', withExtension('2.5.29.36', sequence(der(0x80, Buffer.of(0xff)))), /a number is negative or too large/],
  ['name constraints that are empty', withExtension('2.5.29.30', sequence()), /too few or too many items/],
  [
    'name constraints in a wrong order',
    withExtension('2.5.29.30', sequence(context(1, Buffer.alloc(0)), context(0, Buffer.alloc(0)))),
    /the name constraints are malformed/,
  ],
  [
    'a name constraint with a minimum',
    withExtension('2.5.29.30', sequence(context(0, sequence(der(0x82), der(0x80, Buffer.of(1)))))),
    /too few or too many items/,
  ],
  ['a name part that is empty', { subject: sequence(der(0x31)) }, /a name has an empty part/],
  ['a name part without a value', { subject: sequence(der(0x31, sequence(oid('2.5.4.3')))) }, /malformed/],
  [
    'a name that is not UTF-8',
    { subject: sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.of(0xff))))) },
    /certificate 1 of the bundle is malformed/,
  ],
  ['a name of half a character', { subject: sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x1e, Buffer.of(0x61))))) }, /malformed/],
];

describe('a malformed certificate', () => {
  for (const [what, options, message] of MALFORMED) {
    it(`is rejected as a leaf: ${what}`, async () => {
      await rejectChain(makeChain({ leaf: options }), 'certificate-malformed', message);
    });
  }

  it('is rejected where an issuer or, in an authority, a subject is missing', async () => {
    const root = makeCertificate({ subject: [] }, undefined, 'ca');
    await reject([makeCertificate({}, root)], [root], 'certificate-malformed', /CN=test leaf names no issuer/);
    const made = makeChain({ intermediates: [{ subject: [], subjectAlternativeNames: { dns: ['ca.example'], critical: true } }] });
    await rejectChain(made, 'certificate-malformed', /^the certificate of serial [0-9a-f]+ names no subject$/);
  });

  it('is rejected with a critical key identifier, in a root as well', async () => {
    for (const id of ['2.5.29.14', '2.5.29.35']) {
      const value = id === '2.5.29.14' ? octets(Buffer.of(1)) : sequence(der(0x80, Buffer.of(1)));
      const ids = { subjectKeyId: null, authorityKeyId: null, extensions: [{ id, critical: true, value }] };
      const made = makeChain({ root: ids, leaf: { authorityKeyId: null } });
      await rejectChain(
        made,
        'certificate-critical-extension',
        `the certificate of CN=test root has a critical extension that mlsign does not process: ${id}`,
      );
    }
  });

  it('is rejected when it has extensions but says version 1', async () => {
    const { leaf, root } = makeChain();
    const changed = Buffer.from(leaf.der);
    const at = changed.indexOf(Buffer.of(0xa0, 3, 2, 1, 2));
    changed[at + 4] = 0;
    await reject([changed], [root], 'certificate-malformed', /extensions but is not of version 3/);
  });

  it('is rejected when it is larger than certificates are', async () => {
    const made = makeChain({ leaf: { extensions: [{ id: '1.2.3.4', value: octets(Buffer.alloc(65_536)) }] } });
    await rejectChain(made, 'certificate-malformed', 'certificate 1 of the bundle is malformed: it is larger than 65536 bytes');
  });

  it('is rejected when it is nested deeply, without exhausting the stack', async () => {
    let nested: Buffer = NULL;
    for (let depth = 0; depth < 10_000; depth++) nested = sequence(nested);
    await rejectChain(makeChain({ leaf: withExtension(CONSTRAINTS, nested) }), 'certificate-malformed', /it is nested too deeply/);
    await reject([nested], [makeChain().root], 'certificate-malformed', /it is nested too deeply/);
  });

  it('is rejected when a time is none, or has a fraction', async () => {
    const { leaf, root } = makeChain({ leaf: { notBefore: new Date('2026-01-31T00:00:00Z') } });
    for (const time of ['260231000000Z', '260131000060Z', '261301000000Z', '260131000000+']) {
      const changed = Buffer.from(leaf.der);
      changed.write(time, changed.indexOf('260131000000Z'), 'latin1');
      await reject([changed], [root], 'certificate-malformed', /a time is not one/);
    }
  });
});

describe('forms that are allowed', () => {
  it('serial numbers up to twenty bytes, the sign bit aside', async () => {
    await acceptChain(makeChain({ leaf: { serial: 1n } }));
    await acceptChain(makeChain({ leaf: { serial: 0x80n } }));
    await acceptChain(makeChain({ leaf: { serial: (1n << 160n) - 1n } }));
  });

  it('a serial number of zero in a root, as old ones have', async () => {
    await acceptChain(makeChain({ root: { serial: 0n } }));
  });

  it('a leaf named by a critical alternative name alone', async () => {
    const made = makeChain({ leaf: { subject: [], subjectAlternativeNames: { email: ['ci@example.com'], critical: true } } });
    assert.deepEqual(await acceptChain(made), ['', 'CN=test root']);
  });

  it('an issuer identified by name and serial number', async () => {
    const root = makeCertificate({ serial: 0x80n, subjectKeyId: null, authorityKeyId: null }, undefined, 'ca');
    const value = sequence(context(1, context(4, root.name)), der(0x82, Buffer.of(0, 0x80)));
    const leaf = makeCertificate({ authorityKeyId: null, extensions: [{ id: '2.5.29.35', value }] }, root);
    assert.ok((await validate([leaf], [root])).ok);
  });

  it('every critical extension that path validation uses', async () => {
    const policies = sequence(sequence(anyPolicy));
    const extensions = [
      { id: '2.5.29.32', critical: true, value: policies },
      { id: '2.5.29.36', critical: true, value: sequence(der(0x80, Buffer.of(0))) },
      { id: '2.5.29.54', critical: true, value: integer(3) },
    ];
    const leaf = {
      keyUsage: ['digitalSignature' as const],
      extendedKeyUsage: null,
      extensions: [
        { id: '2.5.29.37', critical: true, value: sequence(oid(EKU.codeSigning)) },
        { id: '2.5.29.32', critical: true, value: policies },
      ],
      subjectAlternativeNames: { dns: ['a.example'], critical: true },
    };
    await acceptChain(makeChain({ intermediates: [{ extensions, nameConstraints: { permitted: { dns: ['example'] } } }], leaf }));
  });
});
