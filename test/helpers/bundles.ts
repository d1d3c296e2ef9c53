import assert from 'node:assert/strict';
import { type Bundle, type Manifest, PAYLOAD_TYPE, preAuthEncoding, serializeBundle, statementPayload } from '../../src/formats/index.ts';
import { type PemSource, type Principal, policyFromFlags } from '../../src/policy/index.ts';
import { certificateSigner, localKeySigner, type Signer, seal } from '../../src/sign/index.ts';
import { type OpenedStatement, openBundle } from '../../src/verify/index.ts';
import { type TestChain, VALID_AT } from './certificates.ts';
import { keyFile } from './keys.ts';

/** A manifest of one file. */
export const MANIFEST: Manifest = {
  serialization: { method: 'files', hashType: 'sha256', allowSymlinks: false, ignorePaths: [] },
  resources: [{ name: 'weights.bin', digest: '4555555dc68d872c2270ba89ecc5f6f094812f65372b37e50071fe5168031c49' }],
};

/** The statement over {@link MANIFEST}. */
export const STATEMENT = Buffer.from(statementPayload('model', MANIFEST));

/** A bundle's bytes: the statement sealed, and whatever is changed afterwards. */
export async function sealed(
  signer: Signer,
  payload: Uint8Array = STATEMENT,
  change: (bundle: Bundle) => Bundle = (bundle) => bundle,
): Promise<Buffer> {
  return Buffer.from(serializeBundle(change(await seal(payload, signer))));
}

/** A bundle whose signature is what `sign` makes of the encoded statement; nothing checks that it is a signature. */
export function forged(material: Bundle['material'], sign: (encoded: Uint8Array) => Uint8Array, payload: Uint8Array = STATEMENT): Buffer {
  const signature = sign(preAuthEncoding(PAYLOAD_TYPE, payload));
  return Buffer.from(
    serializeBundle({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      material,
      tlogEntries: [],
      timestamps: [],
      envelope: { payloadType: PAYLOAD_TYPE, payload, signature },
    }),
  );
}

/** A signer with the leaf of a chain, made at a time when it is valid. */
export async function chainSigner(chain: TestChain, withRoot = false, now: Date = VALID_AT): Promise<Signer> {
  const key = await localKeySigner(chain.leafKeyPem, { where: 'leaf.key' });
  const pems = [chain.chainPem, ...(withRoot ? [chain.rootPem] : [])].filter((pem) => pem !== '');
  return certificateSigner(key, {
    certificate: { pem: chain.leafPem, where: 'leaf.pem' },
    chain: pems.map((pem) => ({ pem, where: 'chain.pem' })),
    now,
  });
}

/** Principals that trust keys of `fixtures/keys`, by name, and PEM texts. */
export function trustKeys(...keys: readonly (string | PemSource)[]): readonly Principal[] {
  return policyFromFlags({
    trustKeys: keys.map((key) => (typeof key === 'string' ? { pem: keyFile(`${key}.pub`), where: `${key}.pub` } : key)),
  }).principals;
}

/** One principal that trusts authorities. */
export function trustRoots(...pems: readonly string[]): readonly Principal[] {
  return policyFromFlags({ cas: pems.map((pem, index) => ({ pem, where: `root-${index}.pem` })) }).principals;
}

/** Opens a bundle at a time when the test certificates are valid. */
export function open(
  bytes: Uint8Array,
  principals: readonly Principal[],
  options: { readonly now?: Date; readonly allowLegacy?: boolean } = {},
): Promise<OpenedStatement> {
  return openBundle(bytes, 'model.sig', principals, { now: options.now ?? VALID_AT, allowLegacy: options.allowLegacy ?? false });
}

/** Asserts one rejection, about the bundle unless another subject is given, and nothing verified. */
export function rejects({ verified, findings }: OpenedStatement, code: string, message: RegExp | string, subject = 'model.sig'): void {
  assert.equal(verified, undefined);
  assert.deepEqual(
    findings.map((finding) => [finding.code, finding.severity, finding.subject]),
    [[code, 'rejected', subject]],
  );
  if (typeof message === 'string') assert.equal(findings[0]?.message, message);
  else assert.match(findings[0]?.message ?? '', message);
}
