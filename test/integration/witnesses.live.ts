import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeCertificate } from '../helpers/certificates.ts';
import { codesOf, ended, readBundle, useBench } from './bench.ts';
import { runMlsign, type Trusted, VERIFIERS, type Verifier } from './clients.ts';
import { environment, sigstoreFile } from './environment.ts';

/** A kind of key: what Rekor v2 and the other verifiers make of its signatures. */
interface Kind {
  readonly type: string;
  readonly options?: readonly string[];
  /** Where it is not the default of the key. */
  readonly scheme?: string;
  readonly logged: boolean;
  readonly verifiers: readonly Verifier['name'][];
}

const EVERYONE = ['mlsign', 'cosign', 'model_signing'] as const;

const KINDS: readonly Kind[] = [
  { type: 'ec-p256', logged: true, verifiers: EVERYONE },
  // cosign takes SHA-256 for every curve.
  { type: 'ec-p384', logged: true, verifiers: ['mlsign', 'model_signing'] },
  { type: 'ec-p521', logged: true, verifiers: ['mlsign', 'model_signing'] },
  // The reference client knows elliptic curves alone.
  { type: 'rsa-3072', options: ['--rsa-padding', 'pkcs1'], scheme: 'rsa-pkcs1-sha256', logged: true, verifiers: ['mlsign', 'cosign'] },
  { type: 'rsa-3072', logged: false, verifiers: ['mlsign'] },
  { type: 'ed25519', logged: false, verifiers: ['mlsign', 'cosign'] },
  { type: 'ml-dsa-65', logged: false, verifiers: ['mlsign'] },
];

const TIMESTAMP = (): readonly string[] => ['--timestamp', `${environment().urls.timestamp}/api/v1/timestamp`];
const LOG = (): readonly string[] => ['--rekor', '--trust-config', sigstoreFile('clientTrustConfig')];

describe('timestamps and log entries', () => {
  const bench = useBench();

  for (const { type, options = [], scheme, logged, verifiers } of KINDS) {
    describe(`on signatures by ${[type, ...options].join(' ')}`, () => {
      let model: string;
      let bundle: string;
      let keys: { readonly key: string; readonly publicKey: string };
      let policy: string;

      before(async () => {
        model = await bench().model();
        keys = await bench().keyPair(type);
        const key = { key: keys.publicKey, ...(scheme === undefined ? {} : { scheme }) };
        const rule = { model: '**', 'signed-by': 'release', require: { timestamps: 1, ...(logged ? { logs: 1 } : {}) } };
        policy = await bench().json('policy.yaml', { version: 1, principals: { release: key }, rules: [rule] });
        bundle = bench().fresh('witnessed.sig');
        const witnesses = logged ? [...TIMESTAMP(), ...LOG()] : TIMESTAMP();
        ended(0, await runMlsign(['sign', model, '--key', keys.key, ...options, '--signature', bundle, ...witnesses]));
      });

      for (const { name, verify } of VERIFIERS) {
        const verifies = verifiers.includes(name);
        it(`${name} ${verifies ? 'verifies' : 'cannot verify such keys'}`, async () => {
          const proven = logged ? 'time and log' : 'time';
          const trusted: Trusted = { kind: 'key', key: keys.publicKey, policy, trustedRoot: sigstoreFile('trustedRoot'), proven };
          ended(verifies ? 0 : 1, await verify(model, bundle, trusted));
        });
      }

      it(`are ${logged ? 'both' : 'a timestamp alone'}`, async () => {
        const { verificationMaterial } = await readBundle(bundle);
        assert.equal(verificationMaterial.timestampVerificationData?.rfc3161Timestamps.length, 1);
        assert.equal(verificationMaterial.tlogEntries?.length ?? 0, logged ? 1 : 0);
      });

      if (!logged) {
        it('are not begun where the log cannot take the key', async () => {
          const unwritten = bench().fresh('unwritten.sig');
          const run = await runMlsign(['sign', model, '--key', keys.key, ...options, '--signature', unwritten, ...LOG(), '--json']);
          ended(1, run);
          assert.equal(JSON.parse(run.stdout).code, 'log-cannot-take-key');
          await assert.rejects(readFile(unwritten), { code: 'ENOENT' });
        });
      }
    });
  }
});

describe('certificates that have expired and keys that are retired', () => {
  const bench = useBench();
  let model: string;
  let roots: string;
  let keyPolicy: string;
  let certified: SignedTwice;
  let keyed: SignedTwice;
  let trusted: Trusted;

  /** The same signer with a timestamp and a log entry, and with nothing. */
  interface SignedTwice {
    readonly proven: string;
    readonly bare: string;
  }

  async function signTwice(...signer: readonly string[]): Promise<SignedTwice> {
    const [proven, bare] = [bench().fresh('proven.sig'), bench().fresh('bare.sig')];
    ended(0, await runMlsign(['sign', model, ...signer, '--signature', bare]));
    ended(0, await runMlsign(['sign', model, ...signer, '--signature', proven, ...TIMESTAMP(), ...LOG()]));
    return { proven, bare };
  }

  before(async () => {
    const [now, day] = [Date.now(), 86_400_000];
    // Whole seconds, as certificates have them.
    const end = new Date(Math.ceil(now / 1000) * 1000 + 8000);
    const root = makeCertificate({ subject: 'acme root', notBefore: new Date(now - day), notAfter: new Date(now + day) }, undefined, 'ca');
    const subjectAlternativeNames = { email: ['release@acme.example'] };
    const leaf = makeCertificate({ subject: 'acme release', subjectAlternativeNames, notBefore: new Date(now - day), notAfter: end }, root);
    model = await bench().model();
    roots = await bench().file('root.pem', root.pem);
    certified = await signTwice('--key', await bench().file('leaf.key', leaf.keyPem), '--cert', await bench().file('leaf.pem', leaf.pem));
    const { key, publicKey } = await bench().keyPair('ec-p256');
    keyed = await signTwice('--key', key);
    keyPolicy = await bench().json('policy.yaml', {
      version: 1,
      principals: { retired: { key: publicKey, 'not-after': end.toISOString().replace('.000', '') } },
      rules: [{ model: '**', 'signed-by': 'retired' }],
    });
    trusted = { kind: 'ca', roots, name: 'release@acme.example', trustedRoot: await withAuthority(root.der) };
    await sleep(Math.max(0, end.getTime() + 1500 - Date.now()));
  });

  for (const { name, verify } of VERIFIERS) {
    it(`${name} verifies a certificate of then, at the time of the timestamp`, async () =>
      ended(0, await verify(model, certified.proven, trusted)));
  }

  // The trusted root that mlsign brings along knows the authorities of the public instance, and not those of a private one.
  const mlsign = (bundle: string, ...args: readonly string[]) => runMlsign(['verify', model, '--signature', bundle, '--json', ...args]);

  it('mlsign verifies with the certificates of the timestamp authority alone', async () => {
    const authority = ['--timestamp-ca', sigstoreFile('timestampCa'), '--offline'];
    ended(0, await mlsign(certified.proven, '--ca', roots, ...authority));
    ended(0, await mlsign(keyed.proven, '--policy', keyPolicy, ...authority));
  });

  for (const [name, args] of [
    ['has no timestamp, whatever is trusted', () => ['--trusted-root', sigstoreFile('trustedRoot')]],
    ['has a timestamp of an authority that is not trusted', () => ['--offline']],
  ] as const) {
    it(`mlsign rejects what ${name}`, async () => {
      const which = args().includes('--offline') ? 'proven' : 'bare';
      const certificate = await mlsign(certified[which], '--ca', roots, ...args());
      ended(1, certificate);
      assert.deepEqual(codesOf(certificate), ['certificate-expired']);
      const key = await mlsign(keyed[which], '--policy', keyPolicy, ...args());
      ended(1, key);
      assert.deepEqual(codesOf(key), ['key-retired']);
    });
  }

  /** The trusted root of the instance with another authority of certificates. */
  async function withAuthority(der: Buffer): Promise<string> {
    const root = JSON.parse(await readFile(sigstoreFile('trustedRoot'), 'utf8'));
    const [authority] = root.certificateAuthorities;
    authority.certChain = { certificates: [{ rawBytes: der.toString('base64') }] };
    return bench().json('root.json', root);
  }
});
