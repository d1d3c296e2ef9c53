import type { KeyObject } from 'node:crypto';
import type { SchemeName, VerificationMaterial } from '../formats/index.ts';

/** Makes signatures: a local key, a certificate's key, a Sigstore identity. Its scheme and public key are known before it signs. */
export interface Signer {
  readonly scheme: SchemeName;
  readonly publicKey: KeyObject;
  /** What the bundle tells verifiers about the signer. */
  readonly material: VerificationMaterial;
  /** In words: `ECDSA P-256 with SHA-256, key 3f2a…`. */
  readonly description: string;
  /** When it stops being of use, where it is that short-lived. */
  readonly validUntil?: Date | undefined;
  /** The signature over bytes, in the encoding of the scheme. */
  sign(data: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;
}
