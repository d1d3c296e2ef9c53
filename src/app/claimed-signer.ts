import type { VerificationMaterial } from '../formats/index.ts';
import { claimedSigner } from './inspect-signature.ts';

/** Whom a bundle names as its signer, in words: `key 3f2a…`. Anyone can write anything there. */
export function describeClaim(material: VerificationMaterial, where: string): string {
  const signer = claimedSigner(material, where);
  if (signer.kind === 'key') return signer.hint === undefined ? 'a key that it does not name' : `key ${signer.hint.slice(0, 16)}`;
  const { subject, alternativeNames } = signer.certificate;
  return [subject, ...alternativeNames].find((name) => name !== '') ?? 'a certificate without a name';
}
