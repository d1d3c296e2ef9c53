import assert from 'node:assert/strict';
import { type KeyObject, sign } from 'node:crypto';
import {
  LEGACY_PREDICATE_TYPE,
  legacyPreAuthEncoding,
  PAYLOAD_TYPE,
  preAuthEncoding,
  STATEMENT_TYPE,
  serializeBundle,
  statementPayload,
  type VerificationMaterial,
} from '../../src/formats/index.ts';
import { localKeySigner } from '../../src/sign/index.ts';
import { MANIFEST, open, rejects, STATEMENT, trustKeys, trustRoots } from '../helpers/bundles.ts';
import { makeChain, type TestChain, type TestKeyType } from '../helpers/certificates.ts';

const LEGACY = Buffer.from(
  JSON.stringify({
    _type: STATEMENT_TYPE,
    subject: [
      {
        name: 'it\'s "weights".bin',
        digest: { sha256: MANIFEST.resources[0]?.digest },
        annotations: { actual_hash_algorithm: 'file-sha256' },
      },
    ],
    predicateType: LEGACY_PREDICATE_TYPE,
    predicate: { unused: 'Unused, just passed due to API' },
  }),
);

type Encode = typeof preAuthEncoding;

function bundle(payload: Uint8Array, encode: Encode, digest: string, key: KeyObject, material: VerificationMaterial): Buffer {
  const signature = sign(digest, encode(PAYLOAD_TYPE, payload), key);
  const envelope = { payloadType: PAYLOAD_TYPE, payload, signature };
  return Buffer.from(
    serializeBundle({ mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', material, tlogEntries: [], timestamps: [], envelope }),
  );
}

const withChain = (chain: TestChain, payload: Uint8Array, encode: Encode, digest = 'sha256') =>
  bundle(payload, encode, digest, chain.leaf.privateKey, { kind: 'certificate', chain: chain.chain });

const chainOf = (key: TestKeyType) => makeChain({ leaf: { key } });
const allowed = { allowLegacy: true };

describe('open bundle: the v0.2.0 form', () => {
  const chain = chainOf('ec-p384');
  const roots = trustRoots(chain.rootPem);

  it('opens where it is allowed, signed with SHA-256 whatever the curve', async () => {
    for (const key of ['ec-p256', 'ec-p384', 'ec-p521'] as const) {
      const other = chainOf(key);
      const { verified, findings } = await open(withChain(other, LEGACY, legacyPreAuthEncoding), trustRoots(other.rootPem), allowed);
      assert.ok(verified, findings[0]?.message);
      assert.equal(verified.statement.form, 'v0.2.0');
    }
  });

  it('is refused unless it is allowed', async () => {
    rejects(await open(withChain(chain, LEGACY, legacyPreAuthEncoding), roots), 'legacy-not-allowed', /v0\.2\.0 form/);
  });

  it('is refused with a bare key, allowed or not', async () => {
    const { material, publicKey } = await localKeySigner(chain.leafKeyPem, { where: 'a' });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    for (const kind of [material, { kind: 'key', embeddedKey: Buffer.from(pem) } as const]) {
      const bytes = bundle(LEGACY, legacyPreAuthEncoding, 'sha256', chain.leaf.privateKey, kind);
      const opened = await open(bytes, trustKeys({ pem, where: 'leaf.pub' }), allowed);
      rejects(opened, 'legacy-not-allowed', 'a bundle of the v0.2.0 form is accepted with the certificate method only');
      rejects(await open(bytes, trustKeys({ pem, where: 'leaf.pub' })), 'legacy-not-allowed', /v0\.2\.0 form/);
    }
  });

  it('is never a fallback: each form has its own encoding and digest', async () => {
    const wrong: readonly (readonly [string, Buffer])[] = [
      ['the current form in the old encoding', withChain(chain, STATEMENT, legacyPreAuthEncoding)],
      ['the current form in the old encoding and digest of the curve', withChain(chain, STATEMENT, legacyPreAuthEncoding, 'sha384')],
      ['the current form with SHA-256', withChain(chain, STATEMENT, preAuthEncoding)],
      ['the old form in the current encoding', withChain(chain, LEGACY, preAuthEncoding, 'sha384')],
      ['the old form in the current encoding, with SHA-256', withChain(chain, LEGACY, preAuthEncoding)],
      ['the old form with the digest of the curve', withChain(chain, LEGACY, legacyPreAuthEncoding, 'sha384')],
    ];
    for (const [name, bytes] of wrong) {
      const opened = await open(bytes, roots, allowed);
      assert.equal(opened.findings[0]?.code, 'signature-invalid', name);
      rejects(opened, 'signature-invalid', /does not verify/);
    }
  });

  it('is not claimed by a name that mentions it', async () => {
    const manifest = {
      ...MANIFEST,
      resources: MANIFEST.resources.map((resource) => ({ ...resource, name: LEGACY_PREDICATE_TYPE.replaceAll('//', '/') })),
    };
    const payload = Buffer.from(statementPayload(LEGACY_PREDICATE_TYPE, manifest));
    assert.ok(payload.includes(LEGACY_PREDICATE_TYPE));
    rejects(await open(withChain(chain, payload, legacyPreAuthEncoding), roots, allowed), 'signature-invalid', /does not verify/);
    assert.ok((await open(withChain(chain, payload, preAuthEncoding, 'sha384'), roots)).verified);
  });

  it('is not smuggled in under the current encoding, however its type is written', async () => {
    const escaped = Buffer.from(LEGACY.toString().replace(LEGACY_PREDICATE_TYPE, LEGACY_PREDICATE_TYPE.replaceAll('/', '\\/')));
    assert.ok(!escaped.includes(LEGACY_PREDICATE_TYPE));
    for (const options of [allowed, {}]) {
      rejects(await open(withChain(chain, escaped, preAuthEncoding, 'sha384'), roots, options), 'legacy-not-allowed', /v0\.2\.0 form/);
    }
    rejects(await open(withChain(chain, escaped, legacyPreAuthEncoding), roots, allowed), 'signature-invalid', /does not verify/);
  });

  it('is not claimed by a statement that cannot be read', async () => {
    const payload = Buffer.from(`{"predicateType":"${LEGACY_PREDICATE_TYPE}"`);
    rejects(await open(withChain(chain, payload, legacyPreAuthEncoding), roots, allowed), 'signature-invalid', /does not verify/);
  });

  it('knows ECDSA alone', async () => {
    for (const key of ['rsa-2048', 'ed25519'] as const) {
      const other = chainOf(key);
      const signature = key === 'ed25519' ? null : 'sha256';
      const envelope = {
        payloadType: PAYLOAD_TYPE,
        payload: LEGACY,
        signature: sign(signature, legacyPreAuthEncoding(PAYLOAD_TYPE, LEGACY), other.leaf.privateKey),
      };
      const material = { kind: 'certificate', chain: other.chain } as const;
      const bytes = serializeBundle({
        mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
        material,
        tlogEntries: [],
        timestamps: [],
        envelope,
      });
      rejects(await open(Buffer.from(bytes), trustRoots(other.rootPem), allowed), 'signature-invalid', /does not verify/);
    }
  });

  it('needs a valid path and the right key like any other', async () => {
    const bytes = withChain(chain, LEGACY, legacyPreAuthEncoding);
    rejects(
      await open(bytes, trustRoots(makeChain({ root: { subject: 'elsewhere' } }).rootPem), allowed),
      'certificate-untrusted',
      /./,
      'CN=test leaf',
    );
    const forged = bundle(LEGACY, legacyPreAuthEncoding, 'sha256', chainOf('ec-p384').leaf.privateKey, {
      kind: 'certificate',
      chain: chain.chain,
    });
    rejects(await open(forged, roots, allowed), 'signature-invalid', /does not verify/);
    const changed = Buffer.from(
      bytes
        .toString()
        .replace(/"payload":"[^"]*"/, `"payload":"${Buffer.from(LEGACY.toString().replace('weights', 'wEights')).toString('base64')}"`),
    );
    rejects(await open(changed, roots, allowed), 'signature-invalid', /does not verify/);
  });
});
