import assert from 'node:assert/strict';
import { unavailable } from '../../src/core/index.ts';
import { type Bundle, serializeBundle } from '../../src/formats/index.ts';
import { type EvidenceRequirement, type KeyTrust, type Principal, policyFromFlags } from '../../src/policy/index.ts';
import { keyTrust } from '../../src/policy/principal.ts';
import { type Signer, seal } from '../../src/sign/index.ts';
import { type EnvelopeOptions, type OpenedStatement, openBundle } from '../../src/verify/index.ts';
import { chainSigner, STATEMENT, trustKeys, trustRoots } from '../helpers/bundles.ts';
import { makeChain, type TestChain } from '../helpers/certificates.ts';
import { ForgedFulcio } from '../helpers/forged-fulcio.ts';
import { ForgedLog, hashedRecord, logged, SIGNED_AT, secondsLater } from '../helpers/forged-log.ts';
import { fixtureSigner, keyFile } from '../helpers/keys.ts';
import { TimestampAuthority } from '../helpers/sigstore/index.ts';

/** Signers whose certificates are made for a while around {@link SIGNED_AT}. */
const PERIOD = { notBefore: secondsLater(-100), notAfter: secondsLater(100) };
const LATER = secondsLater(10 * 86_400);

const rekor = new ForgedLog(2);
const rekorV1 = new ForgedLog(1);
let tsa: TimestampAuthority;
let other: TimestampAuthority;

before(async () => {
  tsa = await TimestampAuthority.start('first tsa');
  other = await TimestampAuthority.start('second tsa');
  await Promise.all([tsa.server.close(), other.server.close()]);
});

interface Evidence {
  readonly stamps?: readonly (readonly [by: TimestampAuthority, at: Date])[];
  readonly logs?: readonly (readonly [log: ForgedLog, at?: Date])[];
}

async function made(signer: Signer, { stamps = [], logs = [] }: Evidence = {}): Promise<Buffer> {
  const bundle = await seal(STATEMENT, signer);
  const about = logged(bundle, signer.publicKey);
  const changed: Bundle = {
    ...bundle,
    timestamps: stamps.map(([by, time]) => by.timestamp(bundle.envelope.signature, { time })),
    tlogEntries: logs.map(([log, time]) => log.entry(hashedRecord(about, 'sha256'), time === undefined ? {} : { time })),
  };
  return Buffer.from(serializeBundle(changed));
}

const root = () =>
  new ForgedFulcio().trustedRoot({
    tlogs: [rekor.trust, rekorV1.trust],
    timestampAuthorities: [tsa, other].map(({ certificate, root: top }) => ({
      uri: '',
      chain: [certificate.der, top.der],
      validFor: { start: undefined, end: undefined },
      operator: undefined,
    })),
  });

function open(bytes: Uint8Array, principals: readonly Principal[], options: Partial<EnvelopeOptions> = {}): Promise<OpenedStatement> {
  const trustedRoot = async () => ({ root: root(), description: 'the test root' });
  return openBundle(bytes, 'model.sig', principals, { now: LATER, allowLegacy: false, trustedRoot, ...options });
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

const expiring = (): TestChain => makeChain({ root: { notBefore: secondsLater(-1000), notAfter: secondsLater(1000) }, leaf: PERIOD });

const retired = (name: string, notAfter: Date): readonly Principal[] => {
  const trust: KeyTrust = { ...keyTrust({ pem: keyFile(`${name}.pub`), where: `${name}.pub` }), notAfter };
  return [{ name: 'retired', trust: [trust] }];
};

const pinned = (chain: TestChain): readonly Principal[] =>
  policyFromFlags({ trustKeys: [{ pem: chain.leafPem, where: 'leaf.pem' }] }).principals;

/** Each kind of trust that ends, with a signer whose trust has ended. */
const ENDING: readonly (readonly [string, string, () => Promise<{ signer: Signer; principals: readonly Principal[] }>])[] = [
  [
    'a certificate of a trusted authority',
    'certificate-expired',
    async () => {
      const chain = expiring();
      return { signer: await chainSigner(chain, false, SIGNED_AT), principals: trustRoots(chain.rootPem) };
    },
  ],
  [
    'a pinned certificate',
    'trusted-certificate-expired',
    async () => {
      const chain = expiring();
      return { signer: await chainSigner(chain, false, SIGNED_AT), principals: pinned(chain) };
    },
  ],
  [
    'a key with an end',
    'key-retired',
    async () => ({ signer: await fixtureSigner('ec-p384'), principals: retired('ec-p384', secondsLater(100)) }),
  ],
];

describe('proven times: a trust that has ended', () => {
  for (const [name, code, make] of ENDING) {
    it(`${name} counts with a timestamp from before, or an entry that the log promised`, async () => {
      const { signer, principals } = await make();
      await rejects(open(await made(signer), principals), code, /expired|retired/);
      for (const evidence of [{ stamps: [[tsa, SIGNED_AT]] as const }, { logs: [[rekorV1, SIGNED_AT]] as const }]) {
        const { verified, checks } = await open(await made(signer, evidence), principals);
        assert.deepEqual(
          verified?.times.map(({ time }) => time),
          [SIGNED_AT],
        );
        assert.ok(checks.some((check) => check.name === 'validity' && check.detail.includes(SIGNED_AT.toISOString())));
      }
    });

    it(`${name} does not count with a timestamp from afterwards, or an entry without a time`, async () => {
      const { signer, principals } = await make();
      const late = secondsLater(2000);
      const only = new RegExp(`; the signature is proven for ${late.toISOString()} only$`);
      await rejects(open(await made(signer, { stamps: [[tsa, late]] }), principals), code, only);
      await rejects(open(await made(signer, { logs: [[rekorV1, late]] }), principals), code, only);
      await rejects(open(await made(signer, { logs: [[rekor]] }), principals), code, /(expired.*|retired)$/);
    });

    it(`${name} counts by the earliest of several, and by the roots of the user alone`, async () => {
      const { signer, principals } = await make();
      const bytes = await made(signer, {
        stamps: [
          [other, secondsLater(2000)],
          [tsa, secondsLater(50)],
        ],
      });
      assert.ok((await open(bytes, principals)).verified);
      const roots = { trustedRoot: undefined, timestampRoots: [tsa.root.der] };
      const { verified } = await open(bytes, principals, roots);
      assert.deepEqual(
        verified?.times.map(({ time }) => time),
        [secondsLater(50)],
      );
      await rejects(
        open(bytes, principals, { trustedRoot: undefined }),
        code,
        /; what the bundle has to prove an earlier time was ignored: the timestamp is not of a trusted authority$/,
      );
    });

    it(`${name} is undetermined where the trusted root cannot be had`, async () => {
      const { signer, principals } = await make();
      const bytes = await made(signer, { stamps: [[tsa, SIGNED_AT]] });
      const trustedRoot = () => Promise.reject(unavailable('trusted-root-unavailable', 'no network'));
      await rejects(
        open(bytes, principals, { trustedRoot }),
        code,
        /whether the signature is older cannot be told: no network$/,
        'undetermined',
      );
      assert.ok((await open(bytes, principals, { trustedRoot, timestampRoots: [tsa.root.der] })).verified);
    });

    it(`${name} that has not ended is believed without any of it`, async () => {
      const { signer, principals } = await make();
      const trustedRoot = () => assert.fail('nothing needs the trusted root');
      const late = await made(signer, { stamps: [[tsa, secondsLater(2000)]], logs: [[rekor]] });
      const { verified, checks } = await open(late, principals, { now: SIGNED_AT, trustedRoot });
      assert.ok(verified);
      assert.deepEqual([verified.times, verified.logs], [[], []]);
      assert.deepEqual(
        checks.filter(({ status }) => status === 'skipped').map(({ detail }) => detail),
        [
          'model.sig: 1 log entry: not verified, because nothing depends on it',
          'model.sig: 1 timestamp: not verified, because nothing depends on it',
        ],
      );
    });
  }

  it('a certificate that was not yet valid then, and is not now', async () => {
    const chain = makeChain({ root: PERIOD, leaf: { notBefore: secondsLater(10), notAfter: secondsLater(20) } });
    const signer = await chainSigner(chain, false, secondsLater(15));
    await rejects(open(await made(signer, { stamps: [[tsa, SIGNED_AT]] }), trustRoots(chain.rootPem)), 'certificate-expired', /proven for/);
    await rejects(open(await made(signer, { stamps: [[tsa, SIGNED_AT]] }), pinned(chain)), 'trusted-certificate-expired', /proven for/);
  });

  it('the last moment of a key belongs to it', async () => {
    const signer = await fixtureSigner('ed25519');
    const principals = retired('ed25519', SIGNED_AT);
    assert.ok((await open(await made(signer), principals, { now: SIGNED_AT })).verified);
    await rejects(open(await made(signer), principals, { now: new Date(SIGNED_AT.getTime() + 1) }), 'key-retired', /retired$/);
  });
});

describe('proven times: what a rule requires', () => {
  const required = (timestamps: number, logs: number): { readonly require: EvidenceRequirement } => ({ require: { timestamps, logs } });
  const stamp = (by: TimestampAuthority) => [by, SIGNED_AT] as const;

  it('timestamps of different authorities, and entries of different logs', async () => {
    const signer = await fixtureSigner('ec-p521');
    const principals = trustKeys('ec-p521');
    const bytes = await made(signer, { stamps: [stamp(tsa), stamp(other)], logs: [[rekor], [rekorV1]] });
    const { verified } = await open(bytes, principals, required(2, 2));
    assert.deepEqual([verified?.times.length, verified?.logs.length], [3, 2]);
    const timestamps = 'too few trusted authorities have timestamped the signature';
    const logs = 'too few trusted transparency logs are proven to hold the signature';
    await rejects(open(bytes, principals, required(3, 0)), 'timestamp-missing', timestamps);
    await rejects(open(bytes, principals, required(0, 3)), 'log-entry-missing', logs);
    await rejects(open(await made(signer), principals, required(1, 0)), 'timestamp-missing', timestamps);
    await rejects(open(await made(signer), principals, required(0, 1)), 'log-entry-missing', logs);
    // The time of a log is none of an authority.
    await rejects(open(await made(signer, { logs: [[rekorV1]] }), principals, required(1, 0)), 'timestamp-missing', timestamps);
  });

  it('counts authorities and logs, not what they gave', async () => {
    const signer = await fixtureSigner('ec-p256');
    const principals = trustKeys('ec-p256');
    const twin = new ForgedLog(2, { host: 'twin.example', keys: rekor.keys });
    const trusted = { ...root(), tlogs: [rekor.trust, twin.trust] };
    const trustedRoot = async () => ({ root: trusted, description: '' });
    const bytes = await made(signer, { stamps: [stamp(tsa), [tsa, secondsLater(9)]], logs: [[rekor], [rekor], [twin]] });
    const opened = await open(bytes, principals, { ...required(1, 1), trustedRoot });
    assert.deepEqual([opened.verified?.times.length, opened.verified?.logs.length], [2, 3]);
    await rejects(open(bytes, principals, { ...required(2, 0), trustedRoot }), 'timestamp-missing', /too few/);
    await rejects(open(bytes, principals, { ...required(0, 2), trustedRoot }), 'log-entry-missing', /too few/);
  });

  it('counts only times at which the signer was valid', async () => {
    const chain = expiring();
    const signer = await chainSigner(chain, false, SIGNED_AT);
    const bytes = await made(signer, { stamps: [stamp(tsa), [other, secondsLater(2000)]] });
    for (const principals of [trustRoots(chain.rootPem), pinned(chain)]) {
      assert.ok((await open(bytes, principals, required(1, 0))).verified);
      await rejects(open(bytes, principals, required(2, 0)), 'timestamp-missing', /too few/);
    }
  });

  it('says why what is there does not count', async () => {
    const signer = await fixtureSigner('ec-p256');
    const principals = trustKeys('ec-p256');
    const foreign = new ForgedLog(2, { host: 'foreign.example' });
    await rejects(
      open(await made(signer, { logs: [[foreign]] }), principals, required(0, 1)),
      'log-untrusted',
      /^too few .*: the log .* is not trusted$/,
    );
    const bytes = await made(signer, { stamps: [stamp(tsa)] });
    const nobody = { ...required(1, 0), trustedRoot: undefined };
    await rejects(open(bytes, principals, nobody), 'timestamp-untrusted', /^too few .*: the timestamp is not of a trusted authority$/);
    const trustedRoot = () => Promise.reject(unavailable('trusted-root-unavailable', 'no network'));
    await rejects(open(bytes, principals, { ...required(1, 0), trustedRoot }), 'trusted-root-unavailable', 'no network', 'undetermined');
    assert.ok((await open(bytes, principals, { ...required(1, 0), trustedRoot, timestampRoots: [tsa.root.der] })).verified);
  });

  it('lists all evidence where the user asks for it, and believes none that fails', async () => {
    const signer = await fixtureSigner('ec-p256');
    const foreign = new ForgedLog(2, { host: 'foreign.example' });
    const bytes = await made(signer, { stamps: [stamp(tsa)], logs: [[foreign], [rekor]] });
    const { verified, checks } = await open(bytes, trustKeys('ec-p256'), { checkEvidence: true });
    assert.equal(verified?.logs.length, 1);
    assert.deepEqual(
      checks.map(({ name, status }) => [name, status]),
      [
        ['bundle', 'passed'],
        ['trusted-root', 'passed'],
        ['timestamp', 'passed'],
        ['transparency-log', 'skipped'],
        ['transparency-log', 'passed'],
        ['signature', 'passed'],
        ['statement', 'passed'],
      ],
    );
  });
});
