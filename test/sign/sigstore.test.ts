import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { parseBundle, serializeBundle, verifySignature } from '../../src/formats/index.ts';
import { readIdentityToken, type SigstoreSigner, seal, sigstoreSigner } from '../../src/sign/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import {
  assertWithout,
  type Claims,
  quickServices,
  type Reply,
  startSigstore,
  type TestSigstore,
  type TokenKind,
} from '../helpers/sigstore/index.ts';

const WORKFLOW = 'https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main';

describe('sigstoreSigner', () => {
  let sigstore: TestSigstore;
  before(async () => {
    sigstore = await startSigstore();
  });
  after(() => sigstore.close());
  afterEach(async () => {
    sigstore.fulcio.quirks = {};
    await sigstore.fulcio.server.heal();
  });

  function signer(kind: TokenKind = 'email', claims: Claims = {}, fulcioUrl = sigstore.urls.fulcio): Promise<SigstoreSigner> {
    const identityToken = readIdentityToken(sigstore.mintToken(kind, claims), 'the test', new Date());
    return sigstoreSigner({ ...quickServices(), identityToken, fulcioUrl });
  }

  it('signs as a person', async () => {
    const alice = await signer();
    assert.equal(alice.identity, 'alice@example.com');
    assert.equal(alice.issuer, sigstore.urls.issuer);
    assert.equal(alice.description, `Sigstore identity alice@example.com, issuer ${sigstore.urls.issuer}`);
    assert.equal(alice.scheme, 'ecdsa-p256-sha256');
    assert.ok(alice.validUntil.getTime() - Date.now() > 500_000);
    assert.ok(alice.material.kind === 'sigstore');
    const certificate = new X509Certificate(alice.material.certificate);
    assert.ok(certificate.publicKey.equals(alice.publicKey));
    assert.ok(certificate.verify(sigstore.fulcio.intermediate.publicKey));
    const data = Buffer.from('data');
    assert.ok(verifySignature(alice.scheme, alice.publicKey, data, await alice.sign(data)));
  });

  it('signs as a workflow', async () => {
    const workflow = await signer('github');
    assert.equal(workflow.identity, WORKFLOW);
    assert.equal(workflow.issuer, sigstore.issuer.issuerOf('github'));
  });

  it('has a key of its own each time, and a URL may end with a slash', async () => {
    const [one, other] = await Promise.all([signer(), signer('email', {}, `${sigstore.urls.fulcio}/`)]);
    assert.ok(!one.publicKey.equals(other.publicKey));
  });

  it('makes bundles with the certificate that are read back', async () => {
    const alice = await signer();
    const bundle = parseBundle(Buffer.from(serializeBundle(await seal(Buffer.from('{}'), alice))), 'model.sig');
    assert.deepEqual(bundle.material, alice.material);
    assertWithout(sigstore.issuer.tokens, [alice, bundle]);
  });

  it('gives the reason of a Fulcio that refuses, without the token that it repeats', async () => {
    const expected = (error: unknown): true => {
      mlsignError('fulcio-refused', /^Fulcio \(127\.0\.0\.1:\d+\) says no: status 400: .*audience or expiry: \[secret\]$/, {
        outcome: 'refused',
        subject: `${sigstore.urls.fulcio}/api/v2/signingCert`,
      })(error);
      assertWithout(sigstore.issuer.tokens, error);
      return true;
    };
    await assert.rejects(signer('email', { aud: 'elsewhere' }), expected);
  });

  it('shows no token that looks like none', async () => {
    const identityToken = { token: 'an opaque secret of a provider', issuer: 'x', identity: 'x', expires: new Date(), nonce: undefined };
    const reply: Reply = { status: 400, headers: { 'content-type': 'text/plain' }, body: `bad token: ${identityToken.token}` };
    await sigstore.fulcio.server.fail({ fault: { kind: 'reply', reply } });
    const asking = sigstoreSigner({ ...quickServices(), identityToken, fulcioUrl: sigstore.urls.fulcio });
    await assert.rejects(asking, mlsignError('fulcio-refused', /says no: status 400: bad token: \[secret\]$/));
  });

  it('gives no other part of a token either', async () => {
    const { fulcio } = sigstore;
    const token = sigstore.mintToken('email');
    const reply: Reply = {
      status: 403,
      headers: { 'content-type': 'text/plain' },
      body: `no: ${token.split('.')[0]}.${token.split('.')[1]} \n again`,
    };
    await fulcio.server.fail({ fault: { kind: 'reply', reply } });
    await assert.rejects(signer(), mlsignError('fulcio-refused', /says no: status 403: no: \[secret\] again$/));
  });

  it('refuses a certificate for another key', async () => {
    sigstore.fulcio.quirks = { key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey };
    await assert.rejects(signer(), wrongCertificate('it is for another key'));
  });

  it('refuses a certificate without an SCT', async () => {
    sigstore.fulcio.quirks = { withoutSct: true };
    await assert.rejects(signer(), wrongCertificate('it holds no SCT'));
  });

  it('refuses a certificate that is not valid now, whose clock is ahead a little excepted', async () => {
    const at = (ms: number): Date => new Date(Math.floor((Date.now() + ms) / 1000) * 1000);
    sigstore.fulcio.quirks = { notBefore: at(120_000), notAfter: at(600_000) };
    await assert.rejects(signer(), wrongCertificate(/^it is valid from \S+ to \S+$/));
    sigstore.fulcio.quirks = { notBefore: at(-600_000), notAfter: at(-5000) };
    await assert.rejects(signer(), wrongCertificate(/^it is valid from \S+ to \S+$/));
    sigstore.fulcio.quirks = { notBefore: at(30_000) };
    await signer();
  });

  it('refuses an answer without a certificate that it could use', async () => {
    const answer = async (body: unknown): Promise<void> => {
      await sigstore.fulcio.server.heal();
      const reply = { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      await sigstore.fulcio.server.fail({ fault: { kind: 'reply', reply } });
    };
    await answer({ signedCertificateDetachedSct: { chain: { certificates: ['x'] }, signedCertificateTimestamp: 'x' } });
    await assert.rejects(signer(), wrongCertificate('it holds no SCT'));
    await answer({ signedCertificateEmbeddedSct: { chain: { certificates: ['no certificate'] } } });
    await assert.rejects(signer(), wrongCertificate('it cannot be read'));
    for (const body of [
      {},
      [],
      { signedCertificateEmbeddedSct: { chain: { certificates: [] } } },
      { signedCertificateEmbeddedSct: { chain: { certificates: [1] } } },
    ]) {
      await answer(body);
      await assert.rejects(signer(), mlsignError('fulcio-response-malformed', /^the answer of Fulcio is malformed: /));
    }
  });

  it('asks nothing where it is interrupted before', async () => {
    const before = sigstore.fulcio.server.requests.length;
    const identityToken = readIdentityToken(sigstore.mintToken('email'), 'the test', new Date());
    const asking = sigstoreSigner({ ...quickServices(), identityToken, fulcioUrl: sigstore.urls.fulcio, signal: AbortSignal.abort() });
    await assert.rejects(asking, mlsignError('interrupted', 'interrupted'));
    assert.equal(sigstore.fulcio.server.requests.length, before);
  });

  function wrongCertificate(detail: string | RegExp): (error: unknown) => true {
    const message = typeof detail === 'string' ? detail : detail.source.slice(1);
    return mlsignError('fulcio-certificate-wrong', new RegExp(`^the certificate that Fulcio issued cannot be used: ${message}`), {
      outcome: 'refused',
    });
  }
});
