import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type JsonObject, unavailable } from '../../src/core/index.ts';
import { type Bundle, schemeForKey, serializeBundle, signData, type TrustedRoot } from '../../src/formats/index.ts';
import { type IdentitySource, identityTrust, type Principal } from '../../src/policy/index.ts';
import { type Signer, seal } from '../../src/sign/index.ts';
import { type OpenedStatement, openBundle } from '../../src/verify/index.ts';
import { STATEMENT } from '../helpers/bundles.ts';
import { makeKey } from '../helpers/certificates.ts';
import { ascii, context, oid, sequence, utf8 } from '../helpers/der.ts';
import { ForgedFulcio, IDENTITY, ISSUER, type LeafOptions, WORKFLOW } from '../helpers/forged-fulcio.ts';
import { ForgedLog, hashedRecord, logged, secondsLater } from '../helpers/forged-log.ts';
import { CtLog, TimestampAuthority } from '../helpers/sigstore/index.ts';

const NOW = secondsLater(20 * 86_400);

const fulcio = new ForgedFulcio();
const rekor = new ForgedLog(2);
const rekorV1 = new ForgedLog(1);
let tsa: TimestampAuthority;
let root: TrustedRoot;

before(async () => {
  tsa = await TimestampAuthority.start();
  await tsa.server.close();
  root = fulcio.trustedRoot({
    tlogs: [rekor.trust, rekorV1.trust],
    timestampAuthorities: [
      { uri: '', chain: [tsa.certificate.der, tsa.root.der], validFor: { start: undefined, end: undefined }, operator: undefined },
    ],
  });
});

interface Made {
  readonly signer?: Signer;
  readonly times?: readonly Date[];
  /** Puts these entries in the place of the log's own. */
  readonly entries?: (bundle: Bundle, signer: Signer) => readonly JsonObject[];
  readonly change?: (bundle: Bundle) => Bundle;
}

/** A bundle of an identity as it should be: a timestamp and an entry of Rekor v2. */
async function made({
  signer = fulcio.signer(),
  times = [secondsLater(5)],
  entries,
  change = (bundle) => bundle,
}: Made = {}): Promise<Buffer> {
  const bundle = await seal(STATEMENT, signer);
  const { signature } = bundle.envelope;
  const own = () => [rekor.entry(hashedRecord(logged(bundle, signer.publicKey), 'sha256'))];
  return Buffer.from(
    serializeBundle(
      change({
        ...bundle,
        tlogEntries: entries === undefined ? own() : entries(bundle, signer),
        timestamps: times.map((time) => tsa.timestamp(signature, { time })),
      }),
    ),
  );
}

type Trusting = Partial<IdentitySource>;

function principal(source: Trusting = {}, name = 'ci'): Principal {
  const identity = 'pattern' in source ? {} : { identity: IDENTITY };
  return { name, trust: [identityTrust({ ...identity, issuer: ISSUER, where: '--identity', ...source })] };
}

function open(bytes: Uint8Array, source: Trusting = {}, trusted: TrustedRoot | undefined = root): Promise<OpenedStatement> {
  const trustedRoot = async () => ({ root: trusted, description: 'the test root' });
  return openBundle(bytes, 'model.sig', [principal(source)], { now: NOW, allowLegacy: false, trustedRoot });
}

async function rejects(opened: Promise<OpenedStatement>, code: string, message: RegExp | string, severity = 'rejected'): Promise<void> {
  const { verified, findings } = await opened;
  assert.equal(verified, undefined);
  assert.deepEqual(
    findings.map((finding) => [finding.code, finding.severity]),
    [[code, severity]],
    findings[0]?.message,
  );
  if (typeof message === 'string') assert.equal(findings[0]?.message, message);
  else assert.match(findings[0]?.message ?? '', message);
}

const leafOf = (options: LeafOptions) => ({ signer: fulcio.signer(fulcio.issue(options)) });

describe('Sigstore identity: what is accepted', () => {
  it('an identity with a timestamp and a log entry', async () => {
    const { verified, checks, findings } = await open(await made());
    assert.deepEqual(findings, []);
    assert.ok(verified);
    const { signer, times, logs, signedBy } = verified;
    assert.equal(signer.kind, 'sigstore');
    assert.deepEqual([signer.identity?.identity, signer.identity?.issuer], [IDENTITY, ISSUER]);
    assert.equal(signer.id, JSON.stringify([ISSUER, IDENTITY]));
    assert.equal(signer.description, `ECDSA P-256 with SHA-256, ${IDENTITY}, authenticated by ${ISSUER}`);
    assert.deepEqual(signer.identity?.claims.get('repository'), ['acme/models', 'https://github.com/acme/models']);
    assert.deepEqual(signer.identity?.claims.get('ref'), ['refs/heads/main']);
    assert.deepEqual(
      times.map(({ time, authority }) => [time, authority]),
      [[secondsLater(5), 'CN=test tsa,O=mlsign test']],
    );
    assert.deepEqual(
      logs.map(({ log }) => log),
      ['https://rekor-v2.example'],
    );
    assert.deepEqual(
      signedBy.map(({ principal: { name }, trust }) => [name, trust.kind]),
      [['ci', 'identity']],
    );
    assert.deepEqual(
      checks.map(({ name, status }) => [name, status]),
      [
        ['bundle', 'passed'],
        ['trusted-root', 'passed'],
        ['timestamp', 'passed'],
        ['transparency-log', 'passed'],
        ['certificate', 'passed'],
        ['certificate-transparency', 'passed'],
        ['signature', 'passed'],
        ['identity', 'passed'],
        ['statement', 'passed'],
      ],
    );
  });

  it('asks for the trusted root once', async () => {
    let asked = 0;
    const trustedRoot = async () => ({ root, description: `asked ${++asked} times` });
    assert.ok((await openBundle(await made(), 'model.sig', [principal()], { now: NOW, allowLegacy: false, trustedRoot })).verified);
    assert.equal(asked, 1);
  });

  it('the promise of Rekor v1 in place of a timestamp', async () => {
    const entries = (bundle: Bundle, signer: Signer) => [
      rekorV1.entry(hashedRecord(logged(bundle, signer.publicKey), 'sha256'), { time: secondsLater(9) }),
    ];
    const { verified } = await open(await made({ times: [], entries }));
    assert.deepEqual(
      verified?.times.map(({ time, by }) => [time, by]),
      [[secondsLater(9), 'transparency-log']],
    );
  });

  it('the certificate in a chain, as bundles before v0.3 have it', async () => {
    const chain = (bundle: Bundle): Bundle =>
      bundle.material.kind === 'sigstore' ? { ...bundle, material: { kind: 'certificate', chain: [bundle.material.certificate] } } : bundle;
    assert.equal((await open(await made({ change: chain }))).verified?.signer.kind, 'sigstore');
  });

  it('other keys than P-256', async () => {
    for (const type of ['ec-p384', 'ec-p521', 'rsa-2048', 'ed25519'] as const) {
      const key = makeKey(type);
      const leaf = fulcio.issue({ key });
      const scheme = schemeForKey(key.publicKey);
      const signer = { ...fulcio.signer(leaf), scheme, sign: async (data: Uint8Array) => signData(scheme, key.privateKey, data) };
      assert.equal((await open(await made({ signer }))).verified?.signer.scheme, scheme, type);
    }
  });

  it('an e-mail address, and the user name of a private issuer', async () => {
    const fields = { 1: Buffer.from('https://accounts.example'), 8: utf8('https://accounts.example') };
    const email = leafOf({ names: { email: ['dev@example.com'], critical: true }, fulcio: fields });
    assert.ok((await open(await made(email), { identity: 'dev@example.com', issuer: 'https://accounts.example' })).verified);
    const other = sequence(oid('1.3.6.1.4.1.57264.1.7'), context(0, utf8('dev!example'))).subarray(2);
    const userName = leafOf({ names: { raw: [context(0, other)], critical: true }, fulcio: fields });
    assert.ok((await open(await made(userName), { identity: 'dev!example', issuer: 'https://accounts.example' })).verified);
  });

  it('a certificate with the older or the newer name of its issuer alone', async () => {
    for (const fields of [{ 1: Buffer.from(ISSUER) }, { 8: utf8(ISSUER) }]) {
      assert.ok((await open(await made(leafOf({ fulcio: fields })))).verified);
    }
  });

  it('an instance without logs, where its trusted root names none', async () => {
    const trusted = { ...root, tlogs: [], ctlogs: [] };
    const { verified, checks } = await open(await made({ ...leafOf({ sct: 'none' }), entries: () => [] }), {}, trusted);
    assert.ok(verified);
    assert.ok(checks.some(({ name, status }) => name === 'certificate-transparency' && status === 'not-applicable'));
  });
});

describe('Sigstore identity: who it is', () => {
  const NEAR = [
    `${IDENTITY} `,
    ` ${IDENTITY}`,
    IDENTITY.slice(0, -1),
    IDENTITY.slice(1),
    `${IDENTITY}2`,
    IDENTITY.toUpperCase(),
    IDENTITY.replace('acme', 'Acme'),
    IDENTITY.replace('main', 'm.in'),
    '.*',
    'https://github.com/acme/',
  ];
  for (const identity of NEAR) {
    it(`is not ${JSON.stringify(identity)}`, async () => {
      await rejects(open(await made(), { identity }), 'identity-mismatch', 'the signer is another one than the one that is trusted');
    });
  }

  it('is not someone whose name contains the trusted one', async () => {
    for (const email of ['dev@example.com@evil.com', 'dev@example.com.evil.com', 'xdev@example.com', 'Dev@example.com']) {
      const signer = leafOf({ names: { email: [email], critical: true } });
      await rejects(open(await made(signer), { identity: 'dev@example.com' }), 'identity-mismatch', /another one/);
    }
  });

  it('is not of another issuer, nor of one whose name begins so', async () => {
    for (const issuer of [`${ISSUER}/`, `${ISSUER}.evil.com`, ISSUER.slice(0, -1), 'https://accounts.example']) {
      const message = 'the signer was authenticated by another issuer than the one that is trusted';
      await rejects(open(await made(), { issuer }), 'issuer-mismatch', message);
    }
  });

  it('matches a pattern as a whole', async () => {
    const bytes = await made();
    for (const pattern of [
      'https://github\\.com/acme/.*',
      '.+',
      `nobody|${IDENTITY.replaceAll('.', '\\.')}`,
      `^${IDENTITY.replaceAll('.', '\\.')}$`,
    ]) {
      assert.ok((await open(bytes, { pattern })).verified, pattern);
    }
    for (const pattern of ['acme', 'https://github\\.com/acme/', '.*@refs/heads/mai', 'https|main', '^https', 'main$', '[^\\n]*\\n']) {
      await rejects(open(bytes, { pattern }), 'identity-mismatch', /another one/);
    }
  });

  it('has each claim exactly, in the older or the newer form', async () => {
    const bytes = await made();
    const claims = { repository: 'acme/models', ref: 'refs/heads/main', commit: 'a'.repeat(40), workflow: IDENTITY, trigger: 'push' };
    assert.ok((await open(bytes, { claims })).verified);
    assert.ok((await open(bytes, { claims: { repository: 'https://github.com/acme/models', 'workflow-name': 'release' } })).verified);
    for (const [name, value] of [
      ['repository', 'acme/model'],
      ['repository', 'acme/models/'],
      ['ref', 'refs/heads/maintenance'],
      ['commit', 'a'.repeat(39)],
      ['environment', 'production'],
    ] as const) {
      const message = `the certificate of the signer does not have the ${name} that is required`;
      await rejects(open(bytes, { claims: { ...claims, [name]: value } }), 'claim-mismatch', message);
    }
  });

  it('reports the closest of several', async () => {
    const options = { now: NOW, allowLegacy: false, trustedRoot: async () => ({ root, description: '' }) };
    const others = [principal({ issuer: 'https://x' }, 'a'), principal({ claims: { ref: 'x' } }, 'b'), principal({ identity: 'x' }, 'c')];
    const bytes = await made();
    const { findings } = await openBundle(bytes, 'model.sig', others, options);
    assert.deepEqual(
      findings.map(({ code, expected, got }) => [code, expected, got]),
      [['claim-mismatch', 'ref x (of 3 trusted identities, the closest)', 'refs/heads/main']],
    );
    const { verified } = await openBundle(bytes, 'model.sig', [...others, principal()], options);
    assert.deepEqual(
      verified?.signedBy.map(({ principal: { name } }) => name),
      ['ci'],
    );
  });

  it('is told by exactly one name, one issuer, and well-formed claims', async () => {
    const none = { critical: true, uri: [] };
    for (const [options, message] of [
      [{ names: { uri: [IDENTITY, 'https://other'], critical: true } }, /not for exactly one identity/],
      [{ names: none }, /is malformed/],
      [{ names: { dns: ['example.com'], critical: true } }, /of an unknown kind/],
      [{ fulcio: { ...WORKFLOW, 1: Buffer.from('https://other') } }, /it names two issuers/],
      [{ fulcio: { ...WORKFLOW, 12: Buffer.from('bare text') } }, /malformed/],
      [{ fulcio: { ...WORKFLOW, 6: Buffer.of(0xff) } }, /not UTF-8/],
      [{ fulcio: { ...WORKFLOW, 8: ascii(0x16, ISSUER) } }, /not a UTF8String/],
    ] as const) {
      await rejects(open(await made(leafOf(options))), 'certificate-malformed', message);
    }
  });
});

describe('Sigstore identity: the certificate', () => {
  it('of another authority, also one of the same name, or one that the bundle brings', async () => {
    const other = new ForgedFulcio();
    const bytes = await made({ signer: other.signer(other.issue({ sct: fulcio.ctLog })) });
    await rejects(open(bytes), 'certificate-untrusted', /does not lead to a trusted root/);
    const stranger = new ForgedFulcio('stranger');
    const chained = (bundle: Bundle): Bundle => {
      const leaf = bundle.material.kind === 'sigstore' ? [bundle.material.certificate] : [];
      return { ...bundle, material: { kind: 'certificate', chain: [...leaf, stranger.intermediate.der, stranger.root.der] } };
    };
    await rejects(
      open(await made({ signer: stranger.signer(), change: chained })),
      'certificate-untrusted',
      /does not lead to a trusted root/,
    );
  });

  it('at a time at which it was not valid', async () => {
    for (const [seconds, code] of [
      [-1, 'certificate-not-yet-valid'],
      [601, 'certificate-expired'],
    ] as const) {
      await rejects(open(await made({ times: [secondsLater(seconds)] })), code, /valid|expired/);
      // One time that is right does not make up for one that is not.
      await rejects(open(await made({ times: [secondsLater(5), secondsLater(seconds)] })), code, /valid|expired/);
      await rejects(open(await made({ times: [secondsLater(seconds), secondsLater(5)] })), code, /valid|expired/);
    }
  });

  it('of an authority that was not trusted then', async () => {
    const [authority] = root.certificateAuthorities;
    assert.ok(authority);
    const late = { ...root, certificateAuthorities: [{ ...authority, validFor: { start: NOW, end: undefined } }] };
    await rejects(
      open(await made(), {}, late),
      'certificate-untrusted',
      'no certificate authority was trusted at the time of the signature',
    );
  });

  it('that no trusted log of certificates has promised to show', async () => {
    const untrusted = 'the promise to show the certificate is not of a trusted log, or not for this certificate';
    await rejects(open(await made(leafOf({ sct: 'none' }))), 'sct-missing', 'no log of certificates has promised to show the certificate');
    for (const sct of ['empty', 'forged', 'other-issuer', 'other-id', new CtLog()] as const) {
      await rejects(open(await made(leafOf({ sct }))), 'sct-untrusted', untrusted);
    }
    const [log] = root.ctlogs;
    assert.ok(log);
    const old = { ...root, ctlogs: [{ ...log, validFor: { start: undefined, end: secondsLater(-1) } }] };
    await rejects(open(await made(), {}, old), 'sct-untrusted', untrusted);
  });

  it('that is not for signing', async () => {
    const leaf = fulcio.issue({ extensions: [{ id: '1.2.3.4', critical: true, value: utf8('x') }] });
    await rejects(open(await made({ signer: fulcio.signer(leaf) })), 'certificate-critical-extension', /does not process/);
  });

  it('shown with the signature of another key', async () => {
    const signer = fulcio.signer();
    const thief = fulcio.signer(fulcio.issue());
    const bundle = await made({ signer, change: (own) => ({ ...own, envelope: { ...own.envelope, payload: Buffer.from('{}') } }) });
    await rejects(open(bundle), 'signature-invalid', /does not verify/);
    const swapped = await made({ signer, change: (own) => ({ ...own, material: thief.material }) });
    await rejects(open(swapped), 'signature-invalid', /does not verify/);
  });
});

describe('Sigstore identity: time and logs', () => {
  const prefix = 'nothing proves that the signature was made while its certificate was valid';
  const none = 'no trusted transparency log is proven to hold the signature';

  it('no time at all: neither that of the certificate, nor of an entry without a promise, nor the present', async () => {
    await rejects(open(await made({ times: [] })), 'time-unproven', prefix);
    const bare = (bundle: Bundle, signer: Signer) => [
      rekorV1.entry(hashedRecord(logged(bundle, signer.publicKey), 'sha256'), { time: secondsLater(5), withoutPromise: true }),
    ];
    await rejects(open(await made({ times: [], entries: bare })), 'time-unproven', prefix);
    const bytes = await made({ times: [] });
    const options = { now: secondsLater(5), allowLegacy: false, trustedRoot: async () => ({ root, description: '' }) };
    await rejects(openBundle(bytes, 'model.sig', [principal()], options), 'time-unproven', prefix);
  });

  it('a timestamp that is not of a trusted authority, or over other bytes', async () => {
    const untrusted = { ...root, timestampAuthorities: [] };
    await rejects(open(await made(), {}, untrusted), 'timestamp-untrusted', `${prefix}: the timestamp is not of a trusted authority`);
    const other = (bundle: Bundle) => ({ ...bundle, timestamps: [tsa.timestamp(Buffer.from('other'), { time: secondsLater(5) })] });
    await rejects(
      open(await made({ change: other })),
      'timestamp-mismatch',
      `${prefix}: the timestamp is over other bytes than the signature`,
    );
  });

  it('no entry, or one in a log that is not trusted, or about another signature', async () => {
    await rejects(open(await made({ entries: () => [] })), 'log-entry-missing', none);
    await rejects(open(await made(), {}, { ...root, tlogs: [rekorV1.trust] }), 'log-untrusted', /: the log [0-9a-f]{16} is not trusted$/);
    const other = await seal(STATEMENT, fulcio.signer());
    const entries = (_: Bundle, signer: Signer) => [rekor.entry(hashedRecord(logged(other, signer.publicKey), 'sha256'))];
    await rejects(open(await made({ entries })), 'log-entry-mismatch', `${none}: the log entry is about another signature`);
  });

  it('a promise of Rekor v1 without a proof', async () => {
    const entries = (bundle: Bundle, signer: Signer) => [
      rekorV1.entry(hashedRecord(logged(bundle, signer.publicKey), 'sha256'), { time: secondsLater(9), withoutProof: true }),
    ];
    await rejects(open(await made({ entries })), 'log-proof-missing', `${none}: the log entry has no inclusion proof`);
  });

  it('what does not verify beside what does is ignored, and said', async () => {
    const foreign = new ForgedLog(2, { host: 'foreign.example' });
    const entries = (bundle: Bundle, signer: Signer) =>
      [foreign, rekor].map((log) => log.entry(hashedRecord(logged(bundle, signer.publicKey), 'sha256')));
    const { verified, checks } = await open(await made({ entries }));
    assert.equal(verified?.logs.length, 1);
    assert.ok(
      checks.some(({ name, status, detail }) => name === 'transparency-log' && status === 'skipped' && /is not trusted/.test(detail)),
    );
  });

  it('without a trusted root, or without one that can be had', async () => {
    const bytes = await made();
    const message = 'the bundle is signed with a Sigstore identity, and there is no trusted root to verify it with';
    const opened = openBundle(bytes, 'model.sig', [principal()], { now: NOW, allowLegacy: false });
    await rejects(opened, 'trusted-root-missing', message, 'undetermined');
    const trustedRoot = () => Promise.reject(unavailable('trusted-root-unavailable', 'no network'));
    const unreachable = openBundle(bytes, 'model.sig', [principal()], { now: NOW, allowLegacy: false, trustedRoot });
    await rejects(unreachable, 'trusted-root-unavailable', 'no network', 'undetermined');
  });

  it('an identity where a certificate has none, and a key where an identity signed', async () => {
    const plain = leafOf({ fulcio: {} });
    await rejects(open(await made(plain)), 'signer-untrusted', 'the bundle is signed with a certificate whose key is not trusted');
  });
});

describe('Sigstore identity: a bundle with a changed character', () => {
  it('is rejected, or says the same as before', async () => {
    const text = (await made()).toString('latin1');
    const { verified: original } = await open(Buffer.from(text, 'latin1'));
    const material = text.indexOf('"dsseEnvelope"');
    const characters = fc.constantFrom(...'ABCDwxyz0189+/="{}[]:, \\-');
    await fc.assert(
      fc.asyncProperty(fc.nat(material), characters, async (at, character) => {
        const { verified, findings } = await open(Buffer.from(`${text.slice(0, at)}${character}${text.slice(at + 1)}`, 'latin1'));
        if (verified === undefined) {
          assert.ok(findings.length > 0 && findings.every(({ severity }) => severity === 'rejected'));
        } else {
          assert.deepEqual([verified.signer, verified.times, verified.statement], [original?.signer, original?.times, original?.statement]);
        }
      }),
      { numRuns: 200 },
    );
  });
});
