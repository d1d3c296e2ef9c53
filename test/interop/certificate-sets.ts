/** What must come of a certificate set of `certificates.py`. */
export interface CertificateSet {
  readonly name: string;
  /** Ours: RFC 5280 path validation now, with trust from the user alone. */
  readonly verdict: 'verified' | 'rejected';
  /** The code of our finding where it is rejected. */
  readonly code?: string;
  /** Whether the reference accepts it, at the leaf's `notBefore`. */
  readonly reference: boolean;
  /** The code of the refusal, where mlsign does not even sign with it: it could not be verified, or only by luck. */
  readonly refusal?: string;
}

const verified = 'verified' as const;
const rejected = 'rejected' as const;

export const CERTIFICATE_SETS: readonly CertificateSet[] = [
  { name: 'p256', verdict: verified, reference: true },
  { name: 'p384', verdict: verified, reference: true },
  { name: 'p521', verdict: verified, reference: true },
  { name: 'direct', verdict: verified, reference: true },
  { name: 'root-in-chain', verdict: verified, reference: true },
  { name: 'rsa-issuers', verdict: verified, reference: true },
  { name: 'p521-issuer', verdict: verified, reference: true },
  { name: 'leaf-is-ca', verdict: verified, reference: true },
  { name: 'leaf-without-constraints', verdict: verified, reference: true },
  { name: 'leaf-named-as-issuer', verdict: verified, reference: true },
  { name: 'self-signed', verdict: verified, reference: true },
  { name: 'self-signed-ca', verdict: verified, reference: true },
  { name: 'no-key-usage', verdict: verified, reference: true },
  { name: 'no-identifiers', verdict: verified, reference: true },
  { name: 'unneeded-certificate', verdict: verified, reference: true, refusal: 'certificate-chain-order' },
  { name: 'chain-in-other-order', verdict: verified, reference: true, refusal: 'certificate-chain-order' },
  // The reference wants a usage to be stated; RFC 5280 and OMS do not.
  { name: 'self-signed-bare', verdict: verified, reference: false },
  { name: 'no-usage-at-all', verdict: verified, reference: false },
  // The reference verifies at the leaf's own notBefore: never expired, never too early.
  { name: 'expired-leaf', verdict: rejected, code: 'certificate-expired', reference: true, refusal: 'certificate-expired' },
  { name: 'expired-intermediate', verdict: rejected, code: 'certificate-expired', reference: true },
  { name: 'not-yet-valid', verdict: rejected, code: 'certificate-not-yet-valid', reference: true, refusal: 'certificate-not-yet-valid' },
  // The reference takes either a key usage or an extended key usage; RFC 5280 wants both to allow it.
  { name: 'server-certificate', verdict: rejected, code: 'certificate-usage', reference: true },
  { name: 'signing-by-extended-usage', verdict: rejected, code: 'certificate-usage', reference: true },
  { name: 'other-root', verdict: rejected, code: 'certificate-untrusted', reference: false },
  { name: 'root-only-in-bundle', verdict: rejected, code: 'certificate-untrusted', reference: false },
  { name: 'path-length', verdict: rejected, code: 'certificate-path-length', reference: false },
  { name: 'issuer-not-ca', verdict: rejected, code: 'certificate-not-ca', reference: false, refusal: 'certificate-chain-order' },
  { name: 'missing-intermediate', verdict: rejected, code: 'certificate-untrusted', reference: false, refusal: 'certificate-chain-order' },
  { name: 'wrong-usage', verdict: rejected, code: 'certificate-usage', reference: false },
];
