import type { Check, Finding } from '../core/index.ts';
import type { Requirement, Rule } from './policy.ts';
import type { Principal } from './principal.ts';

/** One verified signature: this principal, by this key, over this model. */
export interface Signed {
  readonly principal: Principal;
  readonly modelId: string;
  /** Where the bundle is. */
  readonly bundle: string;
  /** The same for every signature of the same signer: the name of its key, or its identity. */
  readonly key: string;
}

/** A model for which every requirement is met, and the bundles that count towards one. */
export interface Satisfied {
  readonly modelId: string;
  readonly bundles: readonly string[];
}

/** What {@link evaluateSigners} finds. */
export interface SignersResult {
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
  /** Empty where the rule is not met for any one model. */
  readonly satisfied: readonly Satisfied[];
}

/**
 * Whether the right principals signed one and the same model. In each requirement a principal counts once, whatever keys
 * and bundles it has, and a key or identity counts once, whatever principals it could stand for.
 */
export function evaluateSigners(rule: Rule, signed: readonly Signed[]): SignersResult {
  const modelIds = [...new Set(signed.map(({ modelId }) => modelId))];
  const satisfied = modelIds.flatMap((modelId) => {
    const group = signed.filter((entry) => entry.modelId === modelId);
    if (!rule.signedBy.every((requirement) => countSigners(requirement, group) >= requirement.threshold)) return [];
    const counted = group.filter(({ principal }) => rule.signedBy.some(({ of }) => of.includes(principal)));
    return [{ modelId, bundles: [...new Set(counted.map(({ bundle }) => bundle))] }];
  });
  const [chosen] = satisfied;
  // Where no model is signed by all, each requirement is shown for the model that comes closest.
  const shown = chosen?.modelId ?? closest(rule, signed, modelIds);
  const group = signed.filter(({ modelId }) => modelId === shown);
  const checks: Check[] = [];
  const findings: Finding[] = [];
  for (const requirement of rule.signedBy) {
    const names = [...new Set(group.filter(({ principal }) => requirement.of.includes(principal)).map(({ principal }) => principal.name))];
    const by = names.length === 0 ? 'signed by none of them' : `signed by ${names.join(', ')}`;
    const met = countSigners(requirement, group) >= requirement.threshold;
    checks.push({ name: 'signers', status: met ? 'passed' : 'failed', detail: `${requirement.text}: ${by}` });
    if (!met) findings.push(missing(rule, requirement, by, modelIds.length > 1));
  }
  return { checks, findings, satisfied };
}

function closest(rule: Rule, signed: readonly Signed[], modelIds: readonly string[]): string | undefined {
  const met = (modelId: string) =>
    rule.signedBy.reduce(
      (sum, requirement) =>
        sum +
        Math.min(
          requirement.threshold,
          countSigners(
            requirement,
            signed.filter((entry) => entry.modelId === modelId),
          ),
        ),
      0,
    );
  return modelIds.toSorted((a, b) => met(b) - met(a))[0];
}

function missing(rule: Rule, requirement: Requirement, by: string, severalModels: boolean): Finding {
  return {
    code: 'signer-missing',
    severity: 'rejected',
    message: `the model is not signed by ${requirement.text}`,
    subject: `rule ${rule.name}`,
    expected: requirement.text,
    got: severalModels ? `${by}; the signatures are over different models or made in different ways` : by,
    suggestion: severalModels
      ? 'sign again in the same way: mlsign sign --like BUNDLE'
      : 'have those who are missing sign it (mlsign sign --like BUNDLE), or name their signature where it lies elsewhere (--signature)',
  };
}

/** The largest number of principals that can each be given a key of their own: augmenting paths in a bipartite graph. */
export function countSigners({ of }: Requirement, signed: readonly Signed[]): number {
  const keysOf = new Map(of.map((principal) => [principal, signed.filter((entry) => entry.principal === principal).map(({ key }) => key)]));
  const owner = new Map<string, Principal>();
  const assign = (principal: Principal, tried: Set<string>): boolean => {
    for (const key of keysOf.get(principal) ?? []) {
      if (tried.has(key)) continue;
      tried.add(key);
      const current = owner.get(key);
      if (current === undefined || assign(current, tried)) {
        owner.set(key, principal);
        return true;
      }
    }
    return false;
  };
  return [...keysOf.keys()].filter((principal) => assign(principal, new Set())).length;
}
