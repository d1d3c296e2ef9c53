import type { KeyObject } from 'node:crypto';
import { type Envelope, legacyPreAuthEncoding, preAuthEncoding, type SchemeName, verifySignature } from '../formats/index.ts';

/** How the payload is encoded before it is signed: DSSE, or the encoding of v0.2.0. The statement's form decides, never a failure. */
export type Encoding = 'dsse' | 'v0.2.0';

/** Tells whether a key made an envelope's signature. */
export type SignatureCheck = (key: KeyObject, scheme: SchemeName) => boolean;

/** A check of one envelope's signature under one encoding, which is made once for any number of keys. */
export function signatureCheck(envelope: Envelope, encoding: Encoding): SignatureCheck {
  const { payloadType, payload, signature } = envelope;
  switch (encoding) {
    case 'dsse': {
      const signed = preAuthEncoding(payloadType, payload);
      return (key, scheme) => verifySignature(scheme, key, signed, signature);
    }
    case 'v0.2.0': {
      const signed = legacyPreAuthEncoding(payloadType, payload);
      // v0.2.0 knew ECDSA alone and signed with SHA-256 whatever the curve.
      return (key, scheme) => key.asymmetricKeyType === 'ec' && verifySignature(scheme, key, signed, signature, { digest: 'sha256' });
    }
  }
}
