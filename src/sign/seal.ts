import { refused, throwIfAborted } from '../core/index.ts';
import { BUNDLE_MEDIA_TYPE, type Bundle, PAYLOAD_TYPE, preAuthEncoding, verifySignature } from '../formats/index.ts';
import type { Signer } from './signer.ts';

/**
 * Signs a payload (an in-toto statement in UTF-8) into a bundle: DSSE pre-authentication encoding, one signature, and that
 * signature checked with the signer's own public key before anything is returned (OMS §6.7, §6.8).
 *
 * @throws MlsignError `signer-mismatch` where the signature is not the signer's; `interrupted`; what the signer throws
 */
export async function seal(payload: Uint8Array, signer: Signer, signal?: AbortSignal): Promise<Bundle> {
  throwIfAborted(signal);
  const encoded = preAuthEncoding(PAYLOAD_TYPE, payload);
  const signature = await signer.sign(encoded, signal);
  throwIfAborted(signal);
  if (!verifySignature(signer.scheme, signer.publicKey, encoded, signature)) {
    throw refused('signer-mismatch', 'the signature that came back does not verify with the public key of the signer', {
      subject: signer.description,
      suggestions: ['sign again; if it stays so, the private and the public key do not belong together'],
    });
  }
  return {
    mediaType: BUNDLE_MEDIA_TYPE,
    material: signer.material,
    tlogEntries: [],
    timestamps: [],
    envelope: { payloadType: PAYLOAD_TYPE, payload, signature },
  };
}
