import type { CertificateInfo } from '../formats/index.ts';
import type { AuthorityTrust, KeyTrust, Principal } from '../policy/index.ts';

/** One way in which a principal is trusted. */
export interface Trusted<T> {
  readonly principal: Principal;
  readonly trust: T;
}

/** Every key that any principal is trusted by. */
export function trustedKeys(principals: readonly Principal[]): readonly Trusted<KeyTrust>[] {
  return principals.flatMap((principal) => principal.trust.flatMap((trust) => (trust.kind === 'key' ? [{ principal, trust }] : [])));
}

/** Every authority that any principal is trusted by. */
export function trustedAuthorities(principals: readonly Principal[]): readonly Trusted<AuthorityTrust>[] {
  return principals.flatMap((principal) => principal.trust.flatMap((trust) => (trust.kind === 'ca' ? [{ principal, trust }] : [])));
}

/** Whether a leaf is the one that the policy means; names are compared exactly. */
export function isLeafOf({ subject, alternativeName }: AuthorityTrust, leaf: CertificateInfo): boolean {
  return (
    (subject === undefined || leaf.subject === subject) &&
    (alternativeName === undefined || leaf.alternativeNames.includes(alternativeName))
  );
}

/** Whether a pinned certificate is valid at a time; a bare key always is. */
export function isCurrent({ certificate }: KeyTrust, at: Date): boolean {
  return certificate === undefined || (certificate.notBefore <= at && at <= certificate.notAfter);
}

/** Whom a user trusts, in words: for findings. */
export function describeTrust(principals: readonly Principal[]): string {
  const words = [
    ...trustedKeys(principals).map(({ trust }) => `key ${trust.hint} (${trust.where})`),
    ...trustedAuthorities(principals).map(({ trust }) => describeAuthority(trust)),
  ];
  const shown = words.slice(0, 5);
  if (words.length > shown.length) shown.push(`${words.length - shown.length} more`);
  return shown.join(', ');
}

function describeAuthority({ where, subject, alternativeName }: AuthorityTrust): string {
  const leaf = [subject, alternativeName].filter((name) => name !== undefined).join(' with ');
  return leaf === '' ? `a certificate of ${where}` : `a certificate of ${where} for ${leaf}`;
}
