import { type KeyObject, X509Certificate } from 'node:crypto';
import type { Finding } from '../core/index.ts';
import type { SchemeName } from '../formats/index.ts';
import type { KeyTrust } from '../policy/index.ts';
import type { SignatureCheck } from './public-key.ts';
import type { SignerQuestion, SignerSearch } from './signer.ts';
import { isCurrent, type Trusted } from './trust.ts';

/** The signers among pinned keys: those whose signature it is and whose certificate, where one was pinned, is valid now. */
export function matchKeys(question: SignerQuestion, candidates: readonly Trusted<KeyTrust>[]): SignerSearch {
  const { isSignedBy, where, now } = question;
  const signed = candidates.filter(({ trust }) => isSignedBy(trust.key, trust.scheme));
  const [first] = signed;
  if (first === undefined) {
    const finding = wrongSignature(
      where,
      candidates.map(({ trust }) => trust),
      isSignedBy,
    );
    return { matches: [], checks: [{ name: 'signature', status: 'failed', detail: `${where}: ${finding.message}` }], findings: [finding] };
  }
  const passed = { name: 'signature', status: 'passed', detail: `${where}: made by key ${first.trust.hint}` } as const;
  const current = signed.filter(({ trust }) => isCurrent(trust, now));
  if (current.length === 0) {
    const finding = notCurrent(where, first.trust, now);
    return {
      matches: [],
      checks: [passed, { name: 'certificate-validity', status: 'failed', detail: `${where}: ${finding.message}` }],
      findings: [finding],
    };
  }
  const matches = current.map(({ principal, trust }) => ({
    principal,
    trust,
    key: trust.key,
    scheme: trust.scheme,
    certificate: trust.certificate,
  }));
  return { matches, checks: [passed], findings: [] };
}

/** The key of a certificate; undefined where either cannot be read, which path validation reports. */
export function publicKeyOf(der: Uint8Array | undefined): KeyObject | undefined {
  try {
    return der === undefined ? undefined : new X509Certificate(der).publicKey;
  } catch {
    return undefined;
  }
}

// An RSA key has one padding; the other one is tried only to say what is wrong.
const OTHER_PADDING: Partial<Record<SchemeName, SchemeName>> = {
  'rsa-pss-sha256': 'rsa-pkcs1-sha256',
  'rsa-pkcs1-sha256': 'rsa-pss-sha256',
};

/** The finding for a signature that is none of the keys'. */
export function wrongSignature(
  where: string,
  keys: readonly Pick<KeyTrust, 'key' | 'hint' | 'scheme'>[],
  isSignedBy: SignatureCheck,
): Finding {
  const [first] = keys;
  const other = keys
    .map(({ scheme }) => OTHER_PADDING[scheme])
    .find((scheme) => scheme !== undefined && keys.some(({ key }) => isSignedBy(key, scheme)));
  const suggestion =
    other !== undefined
      ? `if the key is meant to be used so, write "scheme: ${other}" beside it in a policy`
      : keys.some(({ scheme }) => scheme === 'ed25519')
        ? 'if the key is in AWS KMS, which has a form of its own for long messages, write "scheme: ed25519-kms" beside it in a policy'
        : undefined;
  return {
    code: 'signature-invalid',
    severity: 'rejected',
    message: 'the signature does not verify: the bundle was changed after it was signed, or another key signed it',
    subject: where,
    expected:
      keys.length === 1 ? `a signature by key ${first?.hint} (${first?.scheme})` : `a signature by one of ${keys.length} trusted keys`,
    got: other === undefined ? 'another signature' : `a signature by that key with ${other}`,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

function notCurrent(where: string, { certificate, where: source }: KeyTrust, now: Date): Finding {
  const early = certificate !== undefined && now < certificate.notBefore;
  return {
    code: early ? 'trusted-certificate-not-yet-valid' : 'trusted-certificate-expired',
    severity: 'rejected',
    message: early
      ? 'the certificate that is trusted for this signature is not valid yet'
      : 'the certificate that is trusted for this signature has expired',
    subject: where,
    expected: `valid at ${now.toISOString()}`,
    got: `${source}: valid from ${certificate?.notBefore.toISOString()} to ${certificate?.notAfter.toISOString()}`,
    suggestion: 'trust the renewed certificate, or the public key itself, which has no end',
  };
}
