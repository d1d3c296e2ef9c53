import type { KeyObject } from 'node:crypto';
import type { Check, Finding } from '../core/index.ts';
import { type Bundle, type CertificateInfo, type SchemeName, sameKey } from '../formats/index.ts';
import type { Principal, SigstoreIdentity, Trust } from '../policy/index.ts';
import { matchAuthorities } from './certificate-signer.ts';
import type { Proof, ProvenTime } from './evidence.ts';
import { isFulcioCertificate } from './fulcio.ts';
import { matchKeys, publicKeyOf } from './key-signer.ts';
import type { SignatureCheck } from './public-key.ts';
import { matchIdentities } from './sigstore.ts';
import { describeTrust, trustedAuthorities, trustedIdentities, trustedKeys } from './trust.ts';
import type { TrustedRootSource } from './trusted-root.ts';

/** A trusted signer whose signature it is. */
export interface SignerMatch {
  readonly principal: Principal;
  readonly trust: Trust;
  readonly key: KeyObject;
  readonly scheme: SchemeName;
  /** The leaf, or the pinned certificate. */
  readonly certificate?: CertificateInfo | undefined;
  /** The names of the keys above the leaf, in every path by which it was judged. */
  readonly authorities?: readonly string[] | undefined;
  /** Where the trust is in an identity. */
  readonly identity?: SigstoreIdentity | undefined;
  /** What was looked at to prove a time, or a place in a log. */
  readonly proof: Proof;
  /** The proven times at which the signer was valid. */
  readonly times: readonly ProvenTime[];
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
  readonly trustedRoot: (() => Promise<TrustedRootSource>) | undefined;
  /** Whether the evidence is to be looked at, even where nothing depends on it. */
  readonly wantsProof: boolean;
  /** What the bundle's evidence proves about a signature by a key, and a certificate where the bundle has one. */
  prove(key: KeyObject, certificate: Uint8Array | undefined): Promise<Proof>;
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
      return findCertificate(question, [material.certificate]);
  }
}

async function findKey(question: SignerQuestion, hint: string | undefined): Promise<SignerSearch> {
  const keys = trustedKeys(question.principals);
  // Without a hint (before v1.1.0) every trusted key is tried; the key that such a bundle holds never is.
  const candidates = hint === undefined ? keys : keys.filter(({ trust }) => trust.hint === hint);
  if (candidates.length > 0) return matchKeys(question, candidates);
  return untrusted(question, 'the bundle is signed with a key that is not trusted', hint === undefined ? 'a key' : `key ${hint}`);
}

async function findCertificate(question: SignerQuestion, chain: readonly Uint8Array[]): Promise<SignerSearch> {
  const [leaf] = chain;
  const leafKey = publicKeyOf(leaf);
  // A pinned key vouches for itself: whatever chain the bundle puts around it, the signature must be that key's own.
  const pinned = trustedKeys(question.principals).filter(({ trust }) => leafKey !== undefined && sameKey(trust.key, leafKey));
  const authorities = trustedAuthorities(question.principals);
  const identities = leaf !== undefined && isFulcioCertificate(leaf) ? trustedIdentities(question.principals) : [];
  const searches = [
    ...(pinned.length === 0 ? [] : [await matchKeys(question, pinned, leaf)]),
    ...(authorities.length === 0 ? [] : [await matchAuthorities(question, chain, authorities)]),
    ...(leaf === undefined || identities.length === 0 ? [] : [await matchIdentities(question, leaf, identities)]),
  ];
  if (searches.length === 0)
    return untrusted(question, 'the bundle is signed with a certificate whose key is not trusted', 'a certificate');
  const matches = searches.flatMap((search) => search.matches);
  const findings = searches.flatMap((search) => search.findings);
  // That a certificate leads to no authority of another kind says nothing where its own kind is found wanting.
  const telling = findings.filter(({ code }) => code !== 'certificate-untrusted');
  return {
    matches,
    checks: searches.flatMap((search) => search.checks),
    findings: matches.length > 0 ? [] : telling.length > 0 ? telling : findings,
  };
}

function untrusted({ bundle, principals, where }: SignerQuestion, message: string, got: string): SignerSearch {
  const finding: Finding = {
    code: 'signer-untrusted',
    severity: 'rejected',
    message,
    subject: where,
    expected: describeTrust(principals),
    got,
    suggestion:
      bundle.material.kind === 'sigstore'
        ? 'if this signer is to be trusted, say so: --identity with --issuer, or a principal of the policy'
        : 'if this signer is to be trusted, say so: --trust-key, --ca, or a principal of the policy',
  };
  return { matches: [], checks: [{ name: 'signer', status: 'failed', detail: `${where}: ${message}` }], findings: [finding] };
}
