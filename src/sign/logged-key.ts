import { X509Certificate } from 'node:crypto';
import { leafCertificate } from './leaf.ts';
import type { Signer } from './signer.ts';

/** What a log keeps beside a signature: the signer's certificate, or the bare public key. */
export interface LoggedKey {
  readonly kind: 'certificate' | 'public-key';
  readonly der: Uint8Array;
  readonly pem: string;
}

/** The certificate of a signer where it has one, otherwise its public key. */
export function loggedKey({ material, publicKey }: Signer): LoggedKey {
  const leaf = leafCertificate(material);
  if (leaf !== undefined) return { kind: 'certificate', der: leaf, pem: new X509Certificate(leaf).toString() };
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return { kind: 'public-key', der, pem: publicKey.export({ type: 'spki', format: 'pem' }).toString() };
}
