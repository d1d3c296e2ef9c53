import { type KeyObject, X509Certificate } from 'node:crypto';
import type { Check, Finding } from '../core/index.ts';
import type { SchemeName } from '../formats/index.ts';
import type { KeyTrust } from '../policy/index.ts';
import type { SignatureCheck } from './public-key.ts';
import type { SignerMatch, SignerQuestion, SignerSearch } from './signer.ts';
import type { Trusted } from './trust.ts';
import { judge } from './validity.ts';

/**
 * The signers among pinned keys: those whose signature it is, and who are valid now or at a proven time, where the key was
 * pinned by a certificate or is trusted up to a day.
 *
 * @param certificate DER of the signer's certificate, where the bundle has one
 */
export async function matchKeys(
  question: SignerQuestion,
  candidates: readonly Trusted<KeyTrust>[],
  certificate?: Uint8Array,
): Promise<SignerSearch> {
  const { isSignedBy, where } = question;
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
  const matches: SignerMatch[] = [];
  const findings: Finding[] = [];
  const checks: Check[] = [{ name: 'signature', status: 'passed', detail: `${where}: made by key ${first.trust.hint}` }];
  for (const { principal, trust } of signed) {
    const { key, scheme, certificate: pinned } = trust;
    const { finding, proof, times, checks: further } = await judge(question, key, certificate, (at) => problemAt(where, trust, at));
    checks.push(...further);
    if (finding === undefined) matches.push({ principal, trust, key, scheme, certificate: pinned, proof, times });
    else findings.push(finding);
  }
  if (matches.length > 0) return { matches, checks, findings: [] };
  const shown = findings.slice(0, 1);
  checks.push(...shown.map(({ message }) => ({ name: 'validity', status: 'failed' as const, detail: `${where}: ${message}` })));
  return { matches, checks, findings: shown };
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

function problemAt(where: string, { certificate, notAfter, where: source }: KeyTrust, at: Date): Finding | undefined {
  const expected = `valid at ${at.toISOString()}`;
  if (notAfter !== undefined && at > notAfter) {
    return {
      code: 'key-retired',
      severity: 'rejected',
      message: 'the key that is trusted for this signature is retired',
      subject: where,
      expected,
      got: `${source}: trusted until ${notAfter.toISOString()}`,
      suggestion: 'have the model signed again; only a timestamp or log entry could prove that the signature is older',
    };
  }
  if (certificate === undefined || (certificate.notBefore <= at && at <= certificate.notAfter)) return undefined;
  const early = at < certificate.notBefore;
  return {
    code: early ? 'trusted-certificate-not-yet-valid' : 'trusted-certificate-expired',
    severity: 'rejected',
    message: early
      ? 'the certificate that is trusted for this signature is not valid yet'
      : 'the certificate that is trusted for this signature has expired',
    subject: where,
    expected,
    got: `${source}: valid from ${certificate.notBefore.toISOString()} to ${certificate.notAfter.toISOString()}`,
    suggestion: 'trust the renewed certificate, or the public key itself, which has no end',
  };
}
