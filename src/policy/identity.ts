import { usage } from '../core/index.ts';
import { CLAIM_NAMES, type ClaimName, isClaimName } from './claims.ts';

/** Who signed, as a certificate of Fulcio says: whom the issuer has authenticated. */
export interface SigstoreIdentity {
  /** An e-mail address, a URI such as that of a workflow, or a user name. */
  readonly identity: string;
  /** URL of the OpenID Connect issuer. */
  readonly issuer: string;
  /** What else the certificate says, by name; a claim that it says in two forms has both. */
  readonly claims: ReadonlyMap<ClaimName, readonly string[]>;
}

/** Trust in signers that an OpenID Connect issuer authenticates and Fulcio certifies. */
export interface IdentityTrust {
  readonly kind: 'identity';
  /** The whole identity, or a regular expression for the whole of it. */
  readonly identity: { readonly exact: string } | { readonly pattern: string };
  /** Exactly this issuer. */
  readonly issuer: string;
  /** Claims that the certificate must have with exactly these values. */
  readonly claims: Readonly<Partial<Record<ClaimName, string>>>;
  readonly where: string;
}

/** How an identity is given: exactly one of `identity` and `pattern`. */
export interface IdentitySource {
  readonly identity?: string | undefined;
  readonly pattern?: string | undefined;
  readonly issuer: string;
  readonly claims?: Readonly<Record<string, string>> | undefined;
  /** Names the flag or field in errors. */
  readonly where: string;
}

/** Why a signer is another one than the one that is trusted. */
export interface IdentityMismatch {
  readonly code: 'issuer-mismatch' | 'identity-mismatch' | 'claim-mismatch';
  readonly message: string;
  readonly expected: string;
  readonly got: string;
}

/** What an issuer looks like: `https://token.actions.githubusercontent.com`. */
export const ISSUER = /^https?:\/\/[^\s?#]+$/;

/**
 * Trust in one identity, or in all that a pattern matches as a whole.
 *
 * @throws MlsignError `identity-invalid`, `identity-pattern-invalid`, `issuer-invalid`, `claim-unknown`
 */
export function identityTrust({ identity, pattern, issuer, claims = {}, where }: IdentitySource): IdentityTrust {
  if ((identity === undefined) === (pattern === undefined) || identity === '' || pattern === '') {
    throw usage('identity-invalid', 'a signer is known by its exact identity, or by a pattern for it', {
      subject: where,
      expected: 'exactly one of the two, not empty',
    });
  }
  if (!ISSUER.test(issuer)) {
    throw usage('issuer-invalid', 'an identity counts only with the issuer that authenticates it', {
      subject: where,
      expected: 'a URL such as https://token.actions.githubusercontent.com',
      got: issuer === '' ? 'nothing' : issuer,
    });
  }
  const reason = pattern === undefined ? undefined : patternProblem(pattern);
  if (reason !== undefined) throw usage('identity-pattern-invalid', reason, { subject: where, got: pattern });
  for (const [name, value] of Object.entries(claims)) {
    if (isClaimName(name) && value !== '') continue;
    throw usage('claim-unknown', isClaimName(name) ? `the claim ${name} has no value` : `certificates have no claim ${name}`, {
      subject: where,
      expected: `one of ${CLAIM_NAMES.join(', ')}`,
      got: name,
    });
  }
  return { kind: 'identity', identity: identity === undefined ? { pattern: pattern ?? '' } : { exact: identity }, issuer, claims, where };
}

/** Why a text cannot be a pattern for identities; undefined where it can. */
export function patternProblem(pattern: string): string | undefined {
  try {
    anchored(pattern);
    return undefined;
  } catch {
    return 'the pattern is not a regular expression';
  }
}

/** Whether a signer is the one that is trusted: every comparison is of whole texts, and exact. */
export function identityMismatch(trust: IdentityTrust, signer: SigstoreIdentity): IdentityMismatch | undefined {
  if (signer.issuer !== trust.issuer) {
    return {
      code: 'issuer-mismatch',
      message: 'the signer was authenticated by another issuer than the one that is trusted',
      expected: trust.issuer,
      got: signer.issuer,
    };
  }
  if (!matches(trust.identity, signer.identity)) {
    return {
      code: 'identity-mismatch',
      message: 'the signer is another one than the one that is trusted',
      expected: describeIdentity(trust),
      got: signer.identity,
    };
  }
  for (const name of CLAIM_NAMES) {
    const expected = trust.claims[name];
    const values = signer.claims.get(name) ?? [];
    if (expected === undefined || values.includes(expected)) continue;
    return {
      code: 'claim-mismatch',
      message: `the certificate of the signer does not have the ${name} that is required`,
      expected: `${name} ${expected}`,
      got: values.join(', ') || 'no such claim',
    };
  }
  return undefined;
}

/** Whether one signer may be meant by both, as far as that can be told. */
export function identitiesOverlap(a: IdentityTrust, b: IdentityTrust): boolean {
  if (a.issuer !== b.issuer || CLAIM_NAMES.some((name) => differ(a.claims[name], b.claims[name]))) return false;
  if ('exact' in a.identity) return matches(b.identity, a.identity.exact);
  return 'exact' in b.identity ? matches(a.identity, b.identity.exact) : a.identity.pattern === b.identity.pattern;
}

/** In words: `the identity dev@example.com`. */
export function describeIdentity({ identity }: IdentityTrust): string {
  return 'exact' in identity ? `the identity ${identity.exact}` : `an identity that matches ${identity.pattern}`;
}

function matches(identity: IdentityTrust['identity'], text: string): boolean {
  return 'exact' in identity ? identity.exact === text : anchored(identity.pattern).test(text);
}

/** The group keeps alternatives together: `^a|b$` would match anything that begins with a. */
function anchored(pattern: string): RegExp {
  // A pattern must be one by itself: `a)|(b` would end the group.
  new RegExp(pattern, 'u');
  return new RegExp(`^(?:${pattern})$`, 'u');
}

function differ(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}
