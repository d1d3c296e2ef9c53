import assert from 'node:assert/strict';
import { bundleFromJSON, type SerializedBundle } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { serializeBundle } from '../../src/formats/index.ts';
import { readIdentityToken, rekorWitness, seal, sigstoreSigner, timestampWitness } from '../../src/sign/index.ts';
import { startSigstore, type TestSigstore } from '../helpers/sigstore/index.ts';

const STATEMENT = Buffer.from(
  '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"m","digest":{"sha256":"00"}}],"predicateType":"https://example.com/x","predicate":{}}',
);

describe('keyless bundles of mlsign, by @sigstore/verify', () => {
  let sigstore: TestSigstore;
  before(async () => {
    sigstore = await startSigstore();
  });
  after(() => sigstore.close());

  async function sign(kind: 'email' | 'github', majorVersion: 1 | 2): Promise<SerializedBundle> {
    const { urls } = sigstore;
    const identityToken = readIdentityToken(sigstore.mintToken(kind), 'the test', new Date());
    const signer = await sigstoreSigner({ fetch, identityToken, fulcioUrl: urls.fulcio });
    const witnesses = [
      rekorWitness({ fetch, url: majorVersion === 1 ? urls.rekorV1 : urls.rekorV2, majorVersion }),
      timestampWitness({ fetch, url: urls.tsa }),
    ];
    return JSON.parse(serializeBundle(await seal(STATEMENT, signer, { witnesses })));
  }

  const verifier = () =>
    new Verifier(toTrustMaterial(TrustedRoot.fromJSON(sigstore.trustedRoot)), {
      ctlogThreshold: 1,
      tlogThreshold: 1,
      timestampThreshold: 1,
    });

  for (const kind of ['email', 'github'] as const) {
    for (const version of [1, 2] as const) {
      it(`verify: ${kind} identity, Rekor v${version}`, async () => {
        const bundle = await sign(kind, version);
        const { identity } = verifier().verify(toSignedEntity(bundleFromJSON(bundle)));
        assert.equal(identity?.extensions?.issuer, sigstore.issuer.issuerOf(kind));
      });
    }
  }

  it('are refused once the payload is another', async () => {
    const bundle = await sign('email', 2);
    assert.ok(bundle.dsseEnvelope);
    bundle.dsseEnvelope.payload = Buffer.from('{}').toString('base64');
    assert.throws(() => verifier().verify(toSignedEntity(bundleFromJSON(bundle))));
  });
});
