import type { KeyObject } from 'node:crypto';
import { type Finding, MlsignError } from '../core/index.ts';
import { schemeForKey } from '../formats/index.ts';
import { KEY_USAGE, type PathCertificate } from './path-certificate.ts';
import { constraintViolation, type NameConstraints } from './path-constraints.ts';
import { rejectCertificate as reject } from './path-finding.ts';
import { type GeneralName, sameName } from './path-names.ts';
import { PolicyState } from './path-policies.ts';

/** When, and for what, the last certificate of a path must be good. */
export interface PathPurpose {
  readonly at: Date;
  /** The object identifier that an extended key usage must hold. */
  readonly extendedKeyUsage: string;
}

export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const ANY_EXTENDED_KEY_USAGE = '2.5.29.37.0';

/**
 * The first reason why a path is not valid (RFC 5280 §6.1). The steps are written out here, and not left to the chain engine of pkijs,
 * because that one lets a path-length violation and a wrong extended key usage pass and fails below an Ed25519 issuer.
 *
 * @param path trust anchor first, leaf last; names and signatures of its links hold already (§6.1.3 (a)(1) and (a)(4), `path-build.ts`).
 *   The anchor is a certificate that the user gave, and what it says about itself applies too (RFC 5937). One certificate alone
 *   is a self-signed leaf that the user trusts as its own root.
 */
export function checkPath(path: readonly PathCertificate[], purpose: PathPurpose): Finding | undefined {
  const last = path.length - 1;
  // §6.1.2 initialisation
  const policies = new PolicyState(last);
  const constraints: NameConstraints[] = [];
  let maxPathLength = path.length;
  for (const [index, certificate] of path.entries()) {
    const { extensions } = certificate;
    const selfIssued = sameName(certificate.subject, certificate.issuer);
    const anchor = index === 0;
    const finding =
      (anchor ? undefined : checkProfile(certificate)) ??
      checkKey(certificate) ??
      checkValidity(certificate, purpose.at) ?? // §6.1.3 (a)(2)
      checkCritical(certificate) ?? // §6.1.4 (o), §6.1.5 (f)
      checkExtendedUsage(certificate, purpose.extendedKeyUsage) ??
      // §6.1.3 (b), (c): self-issued certificates are left out, unless last
      (selfIssued && index < last ? undefined : checkNames(certificate, constraints));
    if (finding !== undefined) return finding;
    // §6.1.3 (d), (e), (f)
    if (!anchor && !policies.enter(certificate, selfIssued, index === last)) return policyMissing(certificate);
    if (index === last) break;
    if (!anchor && !policies.map(certificate)) {
      return malformed(certificate, 'maps a policy from or to any policy', 'mappings between named policies', 'anyPolicy');
    }
    // §6.1.4 (g)
    if (extensions.nameConstraints !== undefined) constraints.push(extensions.nameConstraints);
    policies.constrain(certificate, selfIssued);
    const authority = checkAuthority(certificate);
    if (authority !== undefined) return authority;
    // §6.1.4 (l), (m)
    if (!selfIssued) {
      if (maxPathLength <= 0) return pathTooLong(certificate);
      maxPathLength--;
    }
    maxPathLength = Math.min(maxPathLength, extensions.basicConstraints?.pathLength ?? Number.POSITIVE_INFINITY);
  }
  const leaf = path[last];
  if (leaf === undefined) return undefined;
  // §6.1.5 (a), (b), (g)
  if (last > 0 && !policies.leave(leaf)) return policyMissing(leaf);
  return checkLeaf(leaf);
}

/** What RFC 5280 §4 asks of every certificate of a path; a trust anchor is but a name and a key. */
function checkProfile(certificate: PathCertificate): Finding | undefined {
  const { info, serial, issuer, subject, extensions } = certificate;
  const ca = extensions.basicConstraints?.ca === true;
  // §4.1.2.2: the sign bit makes one byte more
  if ((serial[0] ?? 0x80) >= 0x80 || serial.every((byte) => byte === 0) || serial.length > (serial[0] === 0 ? 21 : 20)) {
    return malformed(
      certificate,
      'has a serial number that is not positive, or too long',
      'a positive number of at most 20 bytes',
      info.serial,
    );
  }
  // §4.1.2.4
  if (issuer.rdns.length === 0) return malformed(certificate, 'names no issuer', 'an issuer', 'an empty name');
  // §4.1.2.6
  if (subject.rdns.length === 0 && (ca || extensions.alternativeNames?.critical !== true)) {
    return malformed(certificate, 'names no subject', 'a subject, or in a leaf a critical alternative name', 'an empty name');
  }
  // §4.2.1.10
  if (extensions.nameConstraints !== undefined && !ca) {
    return malformed(certificate, 'has name constraints but is not a certificate authority', 'no name constraints', 'name constraints');
  }
  return undefined;
}

/** Whether a key is of a kind and size that is accepted. */
export function checkKey(certificate: PathCertificate): Finding | undefined {
  const weak = (got: string): Finding =>
    reject(certificate, 'certificate-weak', `has a key that is not accepted: ${got}`, {
      expected: 'EC P-256, P-384 or P-521, RSA of 2048 bits or more, Ed25519, or ML-DSA',
      got,
      suggestion: REISSUE,
    });
  const { publicKey } = certificate;
  if (publicKey === undefined) return weak(`one that Node ${process.versions.node} cannot read`);
  const reason = weakness(publicKey);
  return reason === undefined ? undefined : weak(reason);
}

function weakness(key: KeyObject): string | undefined {
  try {
    schemeForKey(key);
    return undefined;
  } catch (error) {
    if (error instanceof MlsignError) return error.got ?? error.message;
    throw error;
  }
}

/** §4.1.2.5: both ends belong to the period, which is counted in seconds. */
function checkValidity(certificate: PathCertificate, at: Date): Finding | undefined {
  const { notBefore, notAfter } = certificate.info;
  const second = Math.floor(at.getTime() / 1000) * 1000;
  const expected = `valid at ${timestamp(at)}`;
  if (second < notBefore.getTime()) {
    return reject(certificate, 'certificate-not-yet-valid', `is not valid before ${timestamp(notBefore)}`, {
      expected,
      got: `valid from ${timestamp(notBefore)}`,
      suggestion: 'check the clock of this machine',
    });
  }
  if (second > notAfter.getTime()) {
    return reject(certificate, 'certificate-expired', `expired at ${timestamp(notAfter)}`, {
      expected,
      got: `valid until ${timestamp(notAfter)}`,
      suggestion: 'sign again with a certificate that is valid',
    });
  }
  return undefined;
}

function checkCritical(certificate: PathCertificate): Finding | undefined {
  const { unknownCritical } = certificate.extensions;
  if (unknownCritical.length === 0) return undefined;
  const got = unknownCritical.join(', ');
  return reject(certificate, 'certificate-critical-extension', `has a critical extension that mlsign does not process: ${got}`, {
    expected: 'critical extensions of RFC 5280 that path validation uses',
    got,
  });
}

/** §4.2.1.12; a CA that is limited to other purposes may not issue for this one. */
function checkExtendedUsage(certificate: PathCertificate, wanted: string): Finding | undefined {
  const { extendedKeyUsage } = certificate.extensions;
  if (extendedKeyUsage === undefined || extendedKeyUsage.includes(wanted) || extendedKeyUsage.includes(ANY_EXTENDED_KEY_USAGE))
    return undefined;
  const [expected, got] = [purposeTitle(wanted), extendedKeyUsage.map(purposeTitle).join(', ')];
  return wrongUsage(certificate, `is for other purposes than ${expected}`, expected, got);
}

function checkNames(certificate: PathCertificate, constraints: readonly NameConstraints[]): Finding | undefined {
  const { subject, extensions } = certificate;
  const names: GeneralName[] = [
    ...(subject.rdns.length === 0 ? [] : [{ kind: 'directory' as const, name: subject }]),
    ...subject.emails.map((text) => ({ kind: 'email' as const, text })),
    ...(extensions.alternativeNames?.names ?? []),
  ];
  const violation = constraintViolation(names, constraints);
  if (violation === undefined) return undefined;
  return reject(certificate, 'certificate-name-constraint', 'has a name that the constraints of its issuers do not allow', violation);
}

/** §6.1.4 (k), (n) */
function checkAuthority(certificate: PathCertificate): Finding | undefined {
  const { basicConstraints, keyUsage } = certificate.extensions;
  if (basicConstraints?.ca !== true) {
    return reject(certificate, 'certificate-not-ca', 'is not that of a certificate authority, but issued another', {
      expected: 'basic constraints with CA:TRUE',
      got: basicConstraints === undefined ? 'no basic constraints' : 'CA:FALSE',
    });
  }
  if (keyUsage === undefined || keyUsage.has(KEY_USAGE.keyCertSign)) return undefined;
  return wrongUsage(certificate, 'may not sign certificates', 'key usage keyCertSign', 'a key usage without it');
}

/** §4.2.1.3: a key usage that is there must allow signatures. One that is absent restricts nothing. */
function checkLeaf(certificate: PathCertificate): Finding | undefined {
  const { keyUsage, basicConstraints } = certificate.extensions;
  if (keyUsage !== undefined && !keyUsage.has(KEY_USAGE.digitalSignature)) {
    return wrongUsage(certificate, 'may not sign', 'key usage digitalSignature', 'a key usage without it');
  }
  // §4.2.1.9
  if (keyUsage?.has(KEY_USAGE.keyCertSign) && basicConstraints?.ca !== true) {
    return wrongUsage(
      certificate,
      'may sign certificates but is not a certificate authority',
      'no keyCertSign without CA:TRUE',
      'keyCertSign',
    );
  }
  return undefined;
}

function malformed(certificate: PathCertificate, what: string, expected: string, got: string): Finding {
  return reject(certificate, 'certificate-malformed', what, { expected, got, suggestion: REISSUE });
}

function wrongUsage(certificate: PathCertificate, what: string, expected: string, got: string): Finding {
  return reject(certificate, 'certificate-usage', what, {
    expected,
    got,
    suggestion: 'sign with a certificate that was issued for code signing',
  });
}

function pathTooLong(certificate: PathCertificate): Finding {
  return reject(certificate, 'certificate-path-length', 'stands below more certificate authorities than one of them allows', {
    expected: 'no more authorities than the path length constraint says',
    got: 'one more',
  });
}

function policyMissing(certificate: PathCertificate): Finding {
  return reject(certificate, 'certificate-policy', 'has none of the certificate policies that its issuers demand', {
    expected: 'a certificate policy that is valid along the whole path',
    got: certificate.extensions.policies?.slice(0, 10).join(', ') ?? 'no certificate policies',
  });
}

const REISSUE = 'ask its issuer for another certificate';

function timestamp(date: Date): string {
  return date.toISOString().replace('.000', '');
}

function purposeTitle(id: string): string {
  const titles: Readonly<Record<string, string>> = {
    '1.3.6.1.5.5.7.3.1': 'serverAuth',
    '1.3.6.1.5.5.7.3.2': 'clientAuth',
    '1.3.6.1.5.5.7.3.3': 'codeSigning',
    '1.3.6.1.5.5.7.3.4': 'emailProtection',
    '1.3.6.1.5.5.7.3.8': 'timeStamping',
  };
  return titles[id] ?? id;
}
