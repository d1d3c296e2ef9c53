import type { CertificateInfo } from '../formats/index.ts';
import { type AuthorityTrust, describeIdentity, type IdentityTrust, type KeyTrust, type Principal, type Trust } from '../policy/index.ts';

/** One way in which a principal is trusted. */
export interface Trusted<T extends Trust> {
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

/** Every identity that any principal is trusted by. */
export function trustedIdentities(principals: readonly Principal[]): readonly Trusted<IdentityTrust>[] {
  return principals.flatMap((principal) => principal.trust.flatMap((trust) => (trust.kind === 'identity' ? [{ principal, trust }] : [])));
}

/** Whether a leaf is the one that the policy means; names are compared exactly. */
export function isLeafOf({ subject, alternativeName }: AuthorityTrust, leaf: CertificateInfo): boolean {
  return (
    (subject === undefined || leaf.subject === subject) &&
    (alternativeName === undefined || leaf.alternativeNames.includes(alternativeName))
  );
}

/** Whom a user trusts, in words: for findings. */
export function describeTrust(principals: readonly Principal[]): string {
  const words = principals.flatMap(({ trust }) => trust.map(describe));
  const shown = words.slice(0, 5);
  if (words.length > shown.length) shown.push(`${words.length - shown.length} more`);
  return shown.join(', ');
}

function describe(trust: Trust): string {
  switch (trust.kind) {
    case 'key':
      return `key ${trust.hint} (${trust.where})`;
    case 'ca': {
      const leaf = [trust.subject, trust.alternativeName].filter((name) => name !== undefined).join(' with ');
      return leaf === '' ? `a certificate of ${trust.where}` : `a certificate of ${trust.where} for ${leaf}`;
    }
    case 'identity':
      return `${describeIdentity(trust)} of ${trust.issuer}`;
  }
}
