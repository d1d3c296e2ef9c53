import type { VerificationMaterial } from '../formats/index.ts';

/** The signer's own certificate in DER, where it has one. */
export function leafCertificate(material: VerificationMaterial): Uint8Array | undefined {
  switch (material.kind) {
    case 'key':
      return undefined;
    case 'certificate':
      return material.chain[0];
    case 'sigstore':
      return material.certificate;
  }
}
