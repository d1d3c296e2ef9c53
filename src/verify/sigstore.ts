import type { KeyObject } from 'node:crypto';
import { type Check, errorFinding, type Finding, MlsignError, sha256Hex } from '../core/index.ts';
import {
  type CertificateInfo,
  DerError,
  isWithin,
  publicKeyHint,
  type SchemeName,
  schemeForKey,
  type TrustedRoot,
} from '../formats/index.ts';
import { describeIdentity, type IdentityMismatch, type IdentityTrust, identityMismatch, type SigstoreIdentity } from '../policy/index.ts';
import { validatePath } from './certificate.ts';
import { missingEvidence, type Proof } from './evidence.ts';
import { readIdentity } from './fulcio.ts';
import { publicKeyOf, wrongSignature } from './key-signer.ts';
import { certificatePromises } from './sct.ts';
import type { SignerMatch, SignerQuestion, SignerSearch } from './signer.ts';
import type { Trusted } from './trust.ts';

/** A signer whom an instance of Sigstore vouches for, before anyone is asked whether it is trusted. */
export interface VouchedSigner {
  readonly key: KeyObject;
  readonly scheme: SchemeName;
  readonly certificate: CertificateInfo;
  readonly authorities: readonly string[];
  readonly identity: SigstoreIdentity;
  readonly proof: Proof;
  readonly checks: readonly Check[];
}

/**
 * The trusted identities that a certificate of Fulcio stands for. The certificate leads to an authority of the trusted root
 * at every time that is proven for the signature, a log of certificates has promised to show it, a transparency log holds
 * the signature, and the whole identity and issuer and every required claim are compared by us, exactly (Sigstore's client
 * specification, Verification).
 */
export async function matchIdentities(
  question: SignerQuestion,
  leaf: Uint8Array,
  identities: readonly Trusted<IdentityTrust>[],
): Promise<SignerSearch> {
  const { where } = question;
  const signer = await vouch(question, leaf);
  if ('severity' in signer) return failed(where, signer);
  const matches: SignerMatch[] = [];
  const mismatches: IdentityMismatch[] = [];
  const { key, scheme, certificate, authorities, identity, proof } = signer;
  for (const { principal, trust } of identities) {
    const mismatch = identityMismatch(trust, identity);
    if (mismatch === undefined)
      matches.push({ principal, trust, key, scheme, certificate, authorities, identity, proof, times: proof.times });
    else mismatches.push(mismatch);
  }
  if (matches.length === 0) {
    const found = failed(where, closest(where, mismatches, identities));
    return { ...found, checks: [...signer.checks, ...found.checks] };
  }
  const detail = `${where}: ${identity.identity}, authenticated by ${identity.issuer}`;
  return { matches, checks: [...signer.checks, { name: 'identity', status: 'passed', detail }], findings: [] };
}

/** Verifies everything about a certificate of Fulcio and its signature but whether the signer is trusted. */
async function vouch(question: SignerQuestion, leaf: Uint8Array): Promise<VouchedSigner | Finding> {
  const { where, isSignedBy } = question;
  try {
    const key = publicKeyOf(leaf);
    if (key === undefined) throw new DerError('its key cannot be read');
    const scheme = schemeForKey(key, where);
    if (!isSignedBy(key, scheme)) return wrongSignature(where, [{ key, hint: publicKeyHint(key), scheme }], isSignedBy);
    const source = await question.trustedRoot?.();
    if (source === undefined) return noTrustedRoot(where);
    const proof = await question.prove(key, leaf);
    const path = await validatePaths(question, leaf, source.root, proof);
    if ('severity' in path) return path;
    const transparency = checkTransparency(where, leaf, path.issuer, source.root);
    if ('severity' in transparency) return transparency;
    if (source.root.tlogs.length > 0 && proof.logs.length === 0) {
      return missingEvidence(proof, 'log-entry', {
        code: 'log-entry-missing',
        message: 'no trusted transparency log is proven to hold the signature',
        subject: where,
        expected: 'an entry with an inclusion proof',
        suggestion: 'sign again with a transparency log (mlsign sign --sigstore)',
      });
    }
    const checks: readonly Check[] = [
      { name: 'certificate', status: 'passed', detail: `${where}: issued by ${path.certificate.issuer}` },
      transparency,
      { name: 'signature', status: 'passed', detail: `${where}: made by key ${publicKeyHint(key)}` },
    ];
    const { certificate, authorities } = path;
    return { key, scheme, certificate, authorities, identity: readIdentity(leaf), proof, checks };
  } catch (error) {
    if (error instanceof MlsignError) return errorFinding(error, where);
    if (!(error instanceof DerError)) throw error;
    return rejected(
      where,
      'certificate-malformed',
      `the certificate of the signer is malformed: ${error.message}`,
      'a certificate of Fulcio',
    );
  }
}

interface VouchedPath {
  readonly certificate: CertificateInfo;
  readonly issuer: Uint8Array;
  readonly authorities: readonly string[];
}

/** The path of a certificate that lives for minutes is judged at each time that is proven, and at no other. */
async function validatePaths({ where }: SignerQuestion, leaf: Uint8Array, root: TrustedRoot, proof: Proof): Promise<VouchedPath | Finding> {
  let path: VouchedPath | undefined;
  const authorities = new Set<string>();
  for (const { time } of proof.times) {
    const found = await pathAt(leaf, root, time);
    if ('severity' in found) return found;
    for (const key of found.authorities) authorities.add(key);
    path = { ...found, authorities: [...authorities] };
  }
  if (path !== undefined) return path;
  return missingEvidence(proof, 'timestamp', {
    code: 'time-unproven',
    message: 'nothing proves that the signature was made while its certificate was valid',
    subject: where,
    expected: 'a trusted timestamp, or a log entry with a verified promise',
    suggestion: 'sign again with a timestamp (mlsign sign --sigstore)',
  });
}

async function pathAt(leaf: Uint8Array, root: TrustedRoot, time: Date): Promise<VouchedPath | Finding> {
  let finding: Finding | undefined;
  for (const { chain, validFor } of root.certificateAuthorities) {
    if (!isWithin(validFor, time)) continue;
    const path = await validatePath([leaf, ...chain.slice(0, -1)], chain.slice(-1), time);
    const issuer = path.ok ? chain.find((der) => sha256Hex(der) === path.path[1]?.fingerprint) : undefined;
    if (path.ok && issuer !== undefined) return { certificate: path.leaf, issuer, authorities: path.authorities };
    // What is wrong with a path that leads to an authority says more than that it does not lead to another.
    if (!path.ok && (finding === undefined || finding.code === 'certificate-untrusted')) finding = path.finding;
  }
  return (
    finding ??
    rejected(
      'certificate',
      'certificate-untrusted',
      'no certificate authority was trusted at the time of the signature',
      `an authority at ${time.toISOString()}`,
    )
  );
}

/** A certificate that no log has promised to show could have been issued in secret. */
function checkTransparency(where: string, leaf: Uint8Array, issuer: Uint8Array, { ctlogs }: TrustedRoot): Check | Finding {
  const name = 'certificate-transparency';
  if (ctlogs.length === 0) {
    return { name, status: 'not-applicable', detail: `${where}: the trusted root names no log of certificates` };
  }
  const promises = certificatePromises(leaf, issuer, ctlogs);
  const [first] = promises ?? [];
  if (first !== undefined)
    return { name, status: 'passed', detail: `${where}: promised by ${first.log.baseUrl} at ${first.time.toISOString()}` };
  return promises === undefined
    ? rejected(where, 'sct-missing', 'no log of certificates has promised to show the certificate', 'a signed certificate timestamp')
    : rejected(
        where,
        'sct-untrusted',
        'the promise to show the certificate is not of a trusted log, or not for this certificate',
        'a signed certificate timestamp of a trusted log',
      );
}

/** The mismatch that comes last: another claim says more than another identity, and that more than another issuer. */
function closest(where: string, mismatches: readonly IdentityMismatch[], identities: readonly Trusted<IdentityTrust>[]): Finding {
  const order = ['claim-mismatch', 'identity-mismatch', 'issuer-mismatch'];
  const [best] = mismatches.toSorted((a, b) => order.indexOf(a.code) - order.indexOf(b.code));
  const others = identities.length > 1 ? ` (of ${identities.length} trusted identities, the closest)` : '';
  return {
    code: best?.code ?? 'identity-mismatch',
    severity: 'rejected',
    message: best?.message ?? 'the signer is not trusted',
    subject: where,
    expected: `${best?.expected ?? identities.map(({ trust }) => describeIdentity(trust)).join(', ')}${others}`,
    got: best?.got,
    suggestion: 'if this signer is to be trusted, say so: --identity with --issuer, or a principal of the policy',
  };
}

function noTrustedRoot(where: string): Finding {
  return {
    code: 'trusted-root-missing',
    severity: 'undetermined',
    message: 'the bundle is signed with a Sigstore identity, and there is no trusted root to verify it with',
    subject: where,
    expected: 'a trusted root',
    suggestion: 'give one with --trusted-root',
  };
}

function rejected(subject: string, code: string, message: string, expected: string): Finding {
  return { code, severity: 'rejected', message, subject, expected };
}

function failed(where: string, finding: Finding): SignerSearch {
  const status = finding.severity === 'undetermined' ? 'could-not-run' : 'failed';
  return { matches: [], checks: [{ name: 'identity', status, detail: `${where}: ${finding.message}` }], findings: [finding] };
}
