import type { KeyObject } from 'node:crypto';
import type { Finding } from '../core/index.ts';
import type { CertificateInfo } from '../formats/index.ts';

export interface PathOptions {
  /** Object identifier of the extended key usage that the certificates must allow; code signing without it. */
  readonly extendedKeyUsage?: string | undefined;
}

/** A valid path, or the reason why there is none. */
export type PathResult =
  | {
      readonly ok: true;
      readonly leaf: CertificateInfo;
      readonly publicKey: KeyObject;
      /** Leaf first, trusted root last. */
      readonly path: readonly CertificateInfo[];
      /** The names of the keys above the leaf, in the same order. */
      readonly authorities: readonly string[];
    }
  | { readonly ok: false; readonly finding: Finding };

/**
 * Validates the path from a bundle's leaf certificate to one of the roots that the user trusts (RFC 5280 §6, OMS §8.2).
 * Findings: `certificate-untrusted`, `-signature`, `-expired`, `-not-yet-valid`, `-not-ca`, `-usage`, `-path-length`, `-name-constraint`,
 * `-policy`, `-critical-extension`, `-malformed`, `-weak`, and `ca-not-root`. Revocation lists are not consulted.
 *
 * @param chain DER, leaf first, as the bundle holds it; none of them gives trust
 * @param roots DER of the certificates that the user trusts
 * @param at when every certificate of the path must be valid
 */
export async function validatePath(
  chain: readonly Uint8Array[],
  roots: readonly Uint8Array[],
  at: Date,
  options: PathOptions = {},
): Promise<PathResult> {
  // pkijs takes some 40 ms to load, and only this path needs it.
  const { findPath } = await import('./path-build.ts');
  return findPath(chain, roots, at, options);
}
