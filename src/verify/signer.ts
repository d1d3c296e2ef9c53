import type { KeyObject } from 'node:crypto';
import type { Check, Finding } from '../core/index.ts';
import type { Bundle, CertificateInfo, SchemeName } from '../formats/index.ts';
import type { Principal, Trust } from '../policy/index.ts';
import { matchAuthorities } from './certificate-signer.ts';
import { matchKeys, publicKeyOf } from './key-signer.ts';
import type { SignatureCheck } from './public-key.ts';
import { describeTrust, trustedAuthorities, trustedKeys } from './trust.ts';

/** A trusted signer whose signature it is. */
export interface SignerMatch {
  readonly principal: Principal;
  readonly trust: Trust;
  readonly key: KeyObject;
  readonly scheme: SchemeName;
  /** The leaf, or the pinned certificate. */
  readonly certificate?: CertificateInfo | undefined;
}

/** The trusted signers of a bundle; findings where there is none. */
export interface SignerSearch {
  readonly matches: readonly SignerMatch[];
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** What the search for a signer is about. */
export interface SignerQuestion {
  readonly bundle: Bundle;
  readonly isSignedBy: SignatureCheck;
  readonly principals: readonly Principal[];
  readonly now: Date;
  /** Names the bundle. */
  readonly where: string;
}

/** Finds the trusted signers whose signature a bundle holds. Its material only selects among them; the signature decides. */
export async function findSigner(question: SignerQuestion): Promise<SignerSearch> {
  const { material } = question.bundle;
  switch (material.kind) {
    case 'key':
      return findKey(question, material.hint);
    case 'certificate':
      return findCertificate(question, material.chain);
    case 'sigstore':
      return untrusted(question, 'the bundle is signed with a Sigstore identity, which this version cannot verify', 'a Sigstore identity');
  }
}

function findKey(question: SignerQuestion, hint: string | undefined): SignerSearch {
  const keys = trustedKeys(question.principals);
  // Without a hint (before v1.1.0) every trusted key is tried; the key that such a bundle holds never is.
  const candidates = hint === undefined ? keys : keys.filter(({ trust }) => trust.hint === hint);
  if (candidates.length > 0) return matchKeys(question, candidates);
  return untrusted(question, 'the bundle is signed with a key that is not trusted', hint === undefined ? 'a key' : `key ${hint}`);
}

async function findCertificate(question: SignerQuestion, chain: readonly Uint8Array[]): Promise<SignerSearch> {
  const leafKey = publicKeyOf(chain[0]);
  // A pinned key vouches for itself: whatever chain the bundle puts around it, the signature must be that key's own.
  const pinned = trustedKeys(question.principals).filter(({ trust }) => leafKey !== undefined && trust.key.equals(leafKey));
  const authorities = trustedAuthorities(question.principals);
  const searches = [
    ...(pinned.length === 0 ? [] : [matchKeys(question, pinned)]),
    ...(authorities.length === 0 ? [] : [await matchAuthorities(question, chain, authorities)]),
  ];
  if (searches.length === 0)
    return untrusted(question, 'the bundle is signed with a certificate whose key is not trusted', 'a certificate');
  const matches = searches.flatMap((search) => search.matches);
  return {
    matches,
    checks: searches.flatMap((search) => search.checks),
    findings: matches.length > 0 ? [] : searches.flatMap((search) => search.findings),
  };
}

function untrusted({ principals, where }: SignerQuestion, message: string, got: string): SignerSearch {
  const finding: Finding = {
    code: 'signer-untrusted',
    severity: 'rejected',
    message,
    subject: where,
    expected: describeTrust(principals),
    got,
    suggestion: 'if this signer is to be trusted, say so: --trust-key, --ca, or a principal of the policy',
  };
  return { matches: [], checks: [{ name: 'signer', status: 'failed', detail: `${where}: ${message}` }], findings: [finding] };
}
