import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot as ReferenceRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { parseTrustedRoot, serializeBundle, type TrustedRoot } from '../../src/formats/index.ts';
import { policyFromFlags } from '../../src/policy/index.ts';
import {
  readIdentityToken,
  rekorWitness,
  type Signer,
  seal,
  sigstoreSigner,
  timestampWitness,
  type Witness,
} from '../../src/sign/index.ts';
import { openBundle } from '../../src/verify/index.ts';
import { STATEMENT, trustKeys } from '../helpers/bundles.ts';
import { fixtureSigner } from '../helpers/keys.ts';
import { quickServices, startSigstore, type TestSigstore, type TokenKind } from '../helpers/sigstore/index.ts';

/** Whether @sigstore/verify accepts a bundle of an identity. */
function reference(bundle: unknown, root: unknown): boolean {
  const material = toTrustMaterial(ReferenceRoot.fromJSON(root));
  try {
    return new Verifier(material).verify(toSignedEntity(bundleFromJSON(bundle))).identity !== undefined;
  } catch {
    return false;
  }
}

describe('Sigstore: what mlsign signs and verifies, from end to end', () => {
  let sigstore: TestSigstore;
  let root: TrustedRoot;
  before(async () => {
    sigstore = await startSigstore();
    root = parseTrustedRoot(Buffer.from(JSON.stringify(sigstore.trustedRoot)), 'root');
  });
  after(() => sigstore.close());

  const timestamp = (): Witness => timestampWitness({ ...quickServices(), url: sigstore.urls.tsa });
  const rekorV1 = (): Witness => rekorWitness({ ...quickServices(), url: sigstore.urls.rekorV1, majorVersion: 1 });
  const rekorV2 = (): Witness => rekorWitness({ ...quickServices(), url: sigstore.urls.rekorV2, majorVersion: 2 });

  async function made(signer: Signer, ...witnesses: readonly Witness[]): Promise<Buffer> {
    return Buffer.from(serializeBundle(await seal(STATEMENT, signer, { witnesses })));
  }

  function identity(kind: TokenKind): Promise<Signer> {
    const identityToken = readIdentityToken(sigstore.mintToken(kind), 'the test', new Date());
    return sigstoreSigner({ ...quickServices(), identityToken, fulcioUrl: sigstore.urls.fulcio });
  }

  const options = () => ({ now: new Date(), allowLegacy: false, trustedRoot: async () => ({ root, description: 'the test root' }) });

  for (const [name, witnesses] of [
    ['Rekor v2 and a timestamp', () => [timestamp(), rekorV2()]],
    ['Rekor v1', () => [rekorV1()]],
    ['both logs and a timestamp', () => [timestamp(), rekorV1(), rekorV2()]],
  ] as const) {
    for (const kind of ['email', 'github'] as const) {
      it(`${kind}, ${name}: accepted by mlsign and by @sigstore/verify`, async () => {
        const bytes = await made(await identity(kind), ...witnesses());
        const issuer = sigstore.issuer.issuerOf(kind);
        const who = kind === 'email' ? 'alice@example.com' : 'https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main';
        const claims = kind === 'email' ? {} : { repository: 'acme/models', ref: 'refs/heads/main', commit: 'a'.repeat(40) };
        const { principals } = policyFromFlags({ identities: [{ identity: who, issuer, claims, where: who }] });
        const { verified, findings } = await openBundle(bytes, 'model.sig', principals, options());
        assert.deepEqual(findings, []);
        assert.equal(verified?.signer.kind, 'sigstore');
        assert.equal(verified.logs.length, witnesses().length === 3 ? 2 : 1);
        assert.ok(reference(JSON.parse(bytes.toString()), sigstore.trustedRoot));
      });
    }
  }

  it('keys of every kind with timestamps and log entries', async () => {
    for (const name of ['ec-p256', 'ec-p384', 'ec-p521', 'ed25519', 'rsa-2048']) {
      const signer = await fixtureSigner(name);
      const log = rekorV2().accepts(signer) === undefined ? [rekorV2()] : rekorV1().accepts(signer) === undefined ? [rekorV1()] : [];
      const bytes = await made(signer, timestamp(), ...log);
      const require = { timestamps: 1, logs: log.length };
      const { verified, findings } = await openBundle(bytes, 'model.sig', trustKeys(name), { ...options(), require });
      assert.deepEqual(findings, [], name);
      assert.equal(verified?.logs.length, log.length);
    }
  });
});

describe('@sigstore/verify, where mlsign says no', () => {
  const fixture = (path: string): string => readFileSync(new URL(`../../fixtures/sigstore/${path}`, import.meta.url), 'utf8');
  const root: unknown = JSON.parse(fixture('public-good.trusted-root.json'));

  it('accepts the same public bundles, and a promise without a proof as well', () => {
    for (const name of ['email-v0.3', 'workflow-v0.1', 'workflow-promise-only-v0.1']) {
      assert.ok(reference(JSON.parse(fixture(`bundles/${name}.sigstore.json`)), root), name);
    }
  });
});
