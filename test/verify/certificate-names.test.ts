import assert from 'node:assert/strict';
import { type GeneralNames, makeCertificate, makeChain, type TestName } from '../helpers/certificates.ts';
import { context, der, NULL, oid, sequence, set, utf8 } from '../helpers/der.ts';
import { acceptChain, reject, rejectChain } from '../helpers/paths.ts';

const CODE = 'certificate-name-constraint';
const MESSAGE = 'the certificate of CN=test leaf has a name that the constraints of its issuers do not allow';

interface Case {
  readonly permitted?: GeneralNames;
  readonly excluded?: GeneralNames;
  readonly names: GeneralNames;
}

const chainOf = ({ permitted, excluded, names }: Case): ReturnType<typeof makeChain> =>
  makeChain({
    intermediates: [{ nameConstraints: { ...(permitted ? { permitted } : {}), ...(excluded ? { excluded } : {}) } }],
    leaf: { subjectAlternativeNames: names },
  });

const v4 = (...bytes: number[]): Buffer => Buffer.from(bytes);
const v6 = (hex: string): Buffer => Buffer.from(hex.padEnd(64, '0'), 'hex');
const otherName = context(0, Buffer.concat([oid('1.2.3'), context(0, utf8('x'))]));
const registeredId = der(0x88, Buffer.of(0x2a, 3));

const ALLOWED: readonly (readonly [string, Case])[] = [
  ['the domain itself', { permitted: { dns: ['example.com'] }, names: { dns: ['example.com'] } }],
  ['a subdomain, whatever its case', { permitted: { dns: ['Example.com'] }, names: { dns: ['A.b.eXample.com'] } }],
  ['a wildcard inside', { permitted: { dns: ['example.com'] }, names: { dns: ['*.example.com'] } }],
  ['a wildcard beside what is excluded', { excluded: { dns: ['a.example.org'] }, names: { dns: ['*.example.com'] } }],
  ['names of forms without a constraint', { permitted: { dns: ['example.com'] }, names: { email: ['a@b.example'], raw: [otherName] } }],
  ['any domain', { permitted: { dns: [''] }, names: { dns: ['example.com'] } }],
  ['a mailbox', { permitted: { email: ['ci@example.com'] }, names: { email: ['ci@EXAMPLE.com'] } }],
  ['a mailbox on a host', { permitted: { email: ['example.com'] }, names: { email: ['ci@example.com'] } }],
  ['a mailbox on a host below', { permitted: { email: ['.example.com'] }, names: { email: ['ci@mail.example.com'] } }],
  ['any mailbox', { permitted: { email: [''] }, names: { email: ['ci@mail.example.com'] } }],
  ['a host of a URI', { permitted: { uri: ['example.com'] }, names: { uri: ['https://me@example.com:8080/x'] } }],
  ['a host of a URI below', { permitted: { uri: ['.example.com'] }, names: { uri: ['spiffe://ci.example.com/build?x#y'] } }],
  ['an address of a network', { permitted: { ip: [v4(192, 0, 2, 0, 255, 255, 255, 0)] }, names: { ip: [v4(192, 0, 2, 77)] } }],
  [
    'an IPv6 address of a network',
    { permitted: { ip: [v6(`20010db8${'0'.repeat(24)}ffffffff`)] }, names: { ip: [v6('20010db81234').subarray(0, 16)] } },
  ],
  ['an IPv6 address where IPv4 is excluded', { excluded: { ip: [v4(0, 0, 0, 0, 0, 0, 0, 0)] }, names: { ip: [Buffer.alloc(16)] } }],
  ['a subject inside', { permitted: { directory: [[['CN', 'TEST  leaf']]] }, names: { dns: ['x.example'] } }],
  ['no such form where one is forbidden that cannot be read', { excluded: { raw: [otherName] }, names: { dns: ['x.example'] } }],
];

const REFUSED: readonly (readonly [string, Case, RegExp])[] = [
  ['another domain', { permitted: { dns: ['example.com'] }, names: { dns: ['example.org'] } }, /^dns "example.org"$/],
  ['a domain that only ends alike', { permitted: { dns: ['example.com'] }, names: { dns: ['badexample.com'] } }, /badexample/],
  ['an excluded domain', { excluded: { dns: ['example.com'] }, names: { dns: ['ok.example', 'a.EXAMPLE.com'] } }, /a\.EXAMPLE/],
  [
    'an excluded part of what is permitted',
    { permitted: { dns: ['example.com'] }, excluded: { dns: ['a.example.com'] }, names: { dns: ['a.example.com'] } },
    /a\./,
  ],
  ['every domain', { excluded: { dns: [''] }, names: { dns: ['example.com'] } }, /example/],
  ['a wildcard that covers what is excluded', { excluded: { dns: ['bar.example.com'] }, names: { dns: ['*.Example.com'] } }, /\*/],
  ['a wildcard wider than what is permitted', { permitted: { dns: ['foo.example.com'] }, names: { dns: ['*.example.com'] } }, /\*/],
  ['a domain that is none', { permitted: { dns: ['example.com'] }, names: { dns: ['.example.com'] } }, /"\.example\.com"/],
  ['a domain with a star inside', { excluded: { dns: ['example.com'] }, names: { dns: ['a.*.org'] } }, /\*/],
  ['another mailbox', { permitted: { email: ['ci@example.com'] }, names: { email: ['CI@example.com'] } }, /CI@/],
  ['a mailbox with a star taken for any', { permitted: { email: ['*@example.com'] }, names: { email: ['ci@example.com'] } }, /ci@/],
  ['a mailbox on a host below', { permitted: { email: ['example.com'] }, names: { email: ['ci@mail.example.com'] } }, /ci@/],
  ['a mailbox on the host itself', { permitted: { email: ['.example.com'] }, names: { email: ['ci@example.com'] } }, /ci@/],
  ['a mailbox that is none', { excluded: { email: ['example.com'] }, names: { email: ['a@b@example.org'] } }, /a@b@/],
  ['a URI of another host', { permitted: { uri: ['example.com'] }, names: { uri: ['https://example.com@evil.example/'] } }, /evil/],
  ['a URI without a host', { excluded: { uri: ['example.com'] }, names: { uri: ['urn:example'] } }, /urn/],
  ['a URI of an address', { excluded: { uri: ['example.com'] }, names: { uri: ['https://192.0.2.1/'] } }, /192/],
  ['an address outside', { permitted: { ip: [v4(192, 0, 2, 0, 255, 255, 255, 0)] }, names: { ip: [v4(192, 0, 3, 1)] } }, /^ip c0000301$/],
  [
    'an IPv6 address where only IPv4 is permitted',
    { permitted: { ip: [v4(0, 0, 0, 0, 0, 0, 0, 0)] }, names: { ip: [Buffer.alloc(16)] } },
    /^ip 0/,
  ],
  ['an address that is a network', { permitted: { ip: [v4(0, 0, 0, 0, 0, 0, 0, 0)] }, names: { ip: [Buffer.alloc(8)] } }, /^ip 0/],
  ['a subject outside', { permitted: { directory: ['someone'] }, names: { dns: ['x.example'] } }, /^the directory name "CN=test leaf"$/],
  ['an excluded subject in another case', { excluded: { directory: ['TEST LEAF'] }, names: { dns: ['x.example'] } }, /CN=test leaf/],
  ['a directory name outside', { permitted: { directory: ['test leaf'] }, names: { directory: ['someone'] } }, /CN=someone/],
  ['a name of a form that cannot be read', { excluded: { raw: [otherName] }, names: { raw: [otherName] } }, /^a name of form tag 0$/],
  [
    'an identifier of a form that cannot be read',
    { permitted: { raw: [registeredId] }, names: { raw: [registeredId] } },
    /^a name of form tag 8$/,
  ],
];

describe('name constraints', () => {
  for (const [what, one] of ALLOWED) {
    it(`allow ${what}`, async () => {
      await acceptChain(chainOf(one));
    });
  }

  for (const [what, one, got] of REFUSED) {
    it(`refuse ${what}`, async () => {
      const finding = await rejectChain(chainOf(one), CODE, MESSAGE);
      assert.match(finding.got ?? '', got);
    });
  }

  it('hold for addresses in the subject, also where alternative names are fine', async () => {
    const subject: TestName = [
      ['emailAddress', 'ci@example.org'],
      ['CN', 'test leaf'],
    ];
    const leaf = { subject, subjectAlternativeNames: { email: ['ci@example.com'] } };
    const intermediates = [{ nameConstraints: { permitted: { email: ['example.com'] } } }];
    await rejectChain(makeChain({ intermediates, leaf }), CODE, /CN=test leaf,emailAddress=ci@example\.org has a name/);
  });

  it('hold whether or not they are critical, and in a root as well', async () => {
    const nameConstraints = { permitted: { dns: ['example.com'] }, critical: false };
    const leaf = { subjectAlternativeNames: { dns: ['example.org'] } };
    await rejectChain(makeChain({ root: { nameConstraints }, leaf }), CODE, MESSAGE);
    await rejectChain(makeChain({ root: { nameConstraints }, intermediates: [{}], leaf }), CODE, MESSAGE);
  });

  it('narrow from one authority to the next and never widen', async () => {
    const limit = (dns: string): { nameConstraints: { permitted: GeneralNames } } => ({ nameConstraints: { permitted: { dns: [dns] } } });
    const leaf = { subjectAlternativeNames: { dns: ['a.example.com'] } };
    await acceptChain(makeChain({ intermediates: [limit('com'), limit('example.com')], leaf }));
    await rejectChain(makeChain({ intermediates: [limit('b.example.com'), limit('example.com')], leaf }), CODE, MESSAGE);
    await rejectChain(makeChain({ intermediates: [limit('example.com'), limit('b.example.com')], leaf }), CODE, MESSAGE);
  });

  it('hold for authorities in between, self-issued ones aside', async () => {
    const nameConstraints = { permitted: { directory: ['test leaf'] } };
    await rejectChain(
      makeChain({ root: { nameConstraints }, intermediates: [{}] }),
      CODE,
      /^the certificate of CN=test intermediate 1 has a name/,
    );
    await acceptChain(makeChain({ root: { nameConstraints }, intermediates: [{ subject: 'test root' }] }));
    await rejectChain(
      makeChain({ root: { nameConstraints }, leaf: { subject: 'test root' } }),
      CODE,
      /^the certificate of CN=test root has a name/,
    );
  });

  it('compare names part by part, values of one part in any order', async () => {
    const pair = (id: string, value: string): Buffer => sequence(oid(id), utf8(value));
    const [o, cn] = [pair('2.5.4.10', 'forge'), pair('2.5.4.3', 'x')];
    const root = makeCertificate({ nameConstraints: { permitted: { directory: [sequence(set(o, cn))] } } }, undefined, 'ca');
    await acceptChain({ ...makeChain(), root, chain: [makeCertificate({ subject: sequence(der(0x31, cn, o)) }, root).der] });
    await reject([makeCertificate({ subject: sequence(set(o), set(cn)) }, root)], [root], CODE, /CN=x,O=forge has a name/);
  });

  for (const [what, names] of [
    ['a wildcard', { dns: ['*.example.com'] }],
    ['a leading dot in a domain', { dns: ['.example.com'] }],
    ['two at signs', { email: ['a@b@example.com'] }],
    ['an address without a mask', { ip: [v4(192, 0, 2, 1)] }],
    ['a mask with holes', { ip: [v4(192, 0, 2, 0, 255, 0, 255, 0)] }],
    ['a path in a URI', { uri: ['example.com/x'] }],
    ['a form of no known kind', { raw: [context(9, NULL)] }],
  ] as const satisfies readonly (readonly [string, GeneralNames])[]) {
    it(`are malformed with ${what}`, async () => {
      const made = chainOf({ permitted: names, names: { dns: ['example.com'] } });
      await rejectChain(
        made,
        'certificate-malformed',
        /^certificate 2 of the bundle is malformed: (a name constraint|an alternative name)/,
      );
    });
  }

  it('end after a fixed number of comparisons', async () => {
    const many = Array.from({ length: 500 }, (_, index) => `d${index}.example`);
    const started = performance.now();
    const finding = await rejectChain(chainOf({ excluded: { dns: many }, names: { dns: many.map((name) => `x${name}`) } }), CODE, MESSAGE);
    assert.equal(finding.got, 'more');
    assert.ok(performance.now() - started < 10_000);
  });
});
