import { refused, throwIfAborted } from '../core/index.ts';
import { BUNDLE_MEDIA_TYPE, type Bundle, PAYLOAD_TYPE, preAuthEncoding, prepareSchemes, verifySignature } from '../formats/index.ts';
import type { Signer } from './signer.ts';
import type { Witness } from './witness.ts';

/** Who testifies to a signature. */
export interface SealOptions {
  readonly witnesses?: readonly Witness[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Signs a payload (an in-toto statement in UTF-8) into a bundle: DSSE pre-authentication encoding, one signature, that
 * signature checked with the signer's own public key (OMS §6.7, §6.8), then one testimony of each witness, in their order.
 *
 * @throws MlsignError `signer-mismatch` where the signature is not the signer's; `interrupted`; what the signer and the witnesses throw
 */
export async function seal(payload: Uint8Array, signer: Signer, options: SealOptions = {}): Promise<Bundle> {
  const { witnesses = [], signal } = options;
  throwIfAborted(signal);
  for (const witness of witnesses) {
    const problem = witness.accepts(signer);
    if (problem !== undefined) throw problem;
  }
  const encoded = preAuthEncoding(PAYLOAD_TYPE, payload);
  const signature = await signer.sign(encoded, signal);
  throwIfAborted(signal);
  await prepareSchemes([signer.scheme]);
  if (!verifySignature(signer.scheme, signer.publicKey, encoded, signature)) {
    throw refused('signer-mismatch', 'the signature that came back does not verify with the public key of the signer', {
      subject: signer.description,
      suggestions: ['sign again; if it stays so, the private and the public key do not belong together'],
    });
  }
  let bundle: Bundle = {
    mediaType: BUNDLE_MEDIA_TYPE,
    material: signer.material,
    tlogEntries: [],
    timestamps: [],
    envelope: { payloadType: PAYLOAD_TYPE, payload, signature },
  };
  for (const witness of witnesses) {
    bundle = await witness.testify(bundle, signer, signal);
    throwIfAborted(signal);
  }
  return bundle;
}
