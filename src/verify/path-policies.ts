import type { PathCertificate } from './path-certificate.ts';

const ANY_POLICY = '2.5.29.32.0';

/**
 * Certificate policies along a path (RFC 5280 §6.1, initial-policy-set any-policy, nothing demanded or inhibited from the start).
 * With any policy acceptable the valid_policy_tree matters only in whether it is empty, so its leaves are enough:
 * the policies that the next certificate may name.
 */
export class PolicyState {
  #valid: ReadonlySet<string> = new Set([ANY_POLICY]);
  #explicit: number;
  #mapping: number;
  #inhibitAny: number;

  /** @param length certificates in the path, without the trust anchor */
  constructor(length: number) {
    // §6.1.2 (d), (e), (f)
    this.#explicit = length + 1;
    this.#mapping = length + 1;
    this.#inhibitAny = length + 1;
  }

  /** §6.1.3 (d), (e), (f). False where an explicit policy is demanded and none is left. */
  enter({ extensions }: PathCertificate, selfIssued: boolean, last: boolean): boolean {
    const policies = new Set(extensions.policies);
    const any = policies.delete(ANY_POLICY) && (this.#inhibitAny > 0 || (selfIssued && !last));
    const named = [...policies].filter((policy) => this.#valid.has(policy) || this.#valid.has(ANY_POLICY));
    this.#valid = new Set([...named, ...(any ? this.#valid : [])]);
    return this.#explicit > 0 || this.#valid.size > 0;
  }

  /** §6.1.4 (a), (b). False where a mapping is from or to anyPolicy. */
  map({ extensions }: PathCertificate): boolean {
    const mappings = extensions.policyMappings ?? [];
    if (mappings.some(({ issuer, subject }) => issuer === ANY_POLICY || subject === ANY_POLICY)) return false;
    const before = this.#valid;
    const after = new Set(before);
    for (const { issuer } of mappings) after.delete(issuer);
    for (const { issuer, subject } of this.#mapping > 0 ? mappings : []) {
      if (before.has(issuer) || before.has(ANY_POLICY)) after.add(subject);
    }
    this.#valid = after;
    return true;
  }

  /** §6.1.4 (h), (i), (j). A trust anchor's own constraints come in here as well. */
  constrain({ extensions }: PathCertificate, selfIssued: boolean): void {
    const step = selfIssued ? 0 : 1;
    const { requireExplicit, inhibitMapping } = extensions.policyConstraints ?? {};
    this.#explicit = Math.min(Math.max(0, this.#explicit - step), requireExplicit ?? Number.POSITIVE_INFINITY);
    this.#mapping = Math.min(Math.max(0, this.#mapping - step), inhibitMapping ?? Number.POSITIVE_INFINITY);
    this.#inhibitAny = Math.min(Math.max(0, this.#inhibitAny - step), extensions.inhibitAnyPolicy ?? Number.POSITIVE_INFINITY);
  }

  /** §6.1.5 (a), (b), (g): the last certificate may demand an explicit policy itself. */
  leave({ extensions }: PathCertificate): boolean {
    const explicit = extensions.policyConstraints?.requireExplicit === 0 ? 0 : Math.max(0, this.#explicit - 1);
    return explicit > 0 || this.#valid.size > 0;
  }
}
