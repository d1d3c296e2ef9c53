import { existsSync } from 'node:fs';
import { type Clock, type Finding, MlsignError, systemClock } from '../core/index.ts';
import { covers, type LoadPolicyOptions, modelLocation, openPolicy, type Policy, type Rule, selectRule } from '../policy/index.ts';
import { isStoreLocation, parseLocation } from '../store/index.ts';
import { describeTrust } from '../verify/index.ts';
import { matchesOnDisk } from './pattern-on-disk.ts';
import { ruleSentences } from './policy-sentences.ts';
import { policySignaturePath } from './policy-signature.ts';
import { policyWarnings, warning } from './policy-warnings.ts';
import { ruleAt } from './release-trust.ts';

/** How a policy is looked at. */
export interface CheckPolicyOptions extends LoadPolicyOptions {
  /** Models, on disk or in stores, for which the rule is told. */
  readonly against?: readonly string[] | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a policy says, in sentences, and what is seldom meant in it. */
export interface PolicyReview {
  readonly source: string;
  /** SHA-256 of the file, hex. */
  readonly digest: string;
  /** Whether its signature was demanded and is good. */
  readonly isVerified: boolean;
  readonly principals: readonly { readonly name: string; readonly trust: string }[];
  readonly rules: readonly { readonly model: string; readonly pattern: string; readonly asks: readonly string[] }[];
  /** By which rule each of the models is judged; none where no rule, or no one rule, is for it. */
  readonly against: readonly { readonly location: string; readonly rule?: string | undefined }[];
  readonly warnings: readonly Finding[];
}

/**
 * Reads a policy as strictly as a verification does, and explains it.
 *
 * @throws MlsignError what `loadPolicy` throws
 */
export async function checkPolicy(path: string, options: CheckPolicyOptions = {}): Promise<PolicyReview> {
  const { against: places = [], clock = systemClock, signal, ...loading } = options;
  const opened = await openPolicy(path, loading);
  const { policy } = opened;
  const isVerified = loading.authenticate !== undefined;
  const against = places.map((place) => judgedBy(policy, place));
  const isSigned = isVerified || existsSync(policySignaturePath(path));
  return {
    source: policy.source,
    digest: policy.digest ?? '',
    isVerified,
    principals: policy.principals.map((principal) => ({ name: principal.name, trust: describeTrust([principal]) })),
    rules: policy.rules.map((rule) => ({ model: rule.name, pattern: rule.pattern, asks: ruleSentences(rule) })),
    against: against.map(({ location, rule }) => ({ location, rule })),
    warnings: [
      ...against.flatMap(({ problem }) => problem ?? []),
      ...(await unmatched(policy, against, signal)),
      ...policyWarnings(opened, clock(), isSigned),
    ],
  };
}

interface Judged {
  readonly location: string;
  readonly rule?: string | undefined;
  readonly problem?: Finding | undefined;
}

function judgedBy(policy: Policy, place: string): Judged {
  const location = isStoreLocation(place) ? parseLocation(place).url : modelLocation(place);
  try {
    const rule = isStoreLocation(place) ? ruleAt(policy, parseLocation(place)) : selectRule(policy, location);
    return { location, rule: rule.name };
  } catch (error) {
    if (!(error instanceof MlsignError)) throw error;
    const { code, message, expected, got, suggestions } = error;
    return { location, problem: { code, severity: 'warning', message, subject: location, expected, got, suggestion: suggestions[0] } };
  }
}

/** Relative patterns are about this disk; those of stores about the places that were given. */
async function unmatched(policy: Policy, against: readonly Judged[], signal: AbortSignal | undefined): Promise<readonly Finding[]> {
  const isLost = async ({ name, pattern }: Rule): Promise<boolean> => {
    if (pattern.startsWith('**') || against.some(({ location }) => covers(pattern, location))) return false;
    if (pattern.startsWith('s3:')) return against.some(({ location }) => location.startsWith('s3:'));
    return name !== pattern && !(await matchesOnDisk(pattern, signal));
  };
  const found: Finding[] = [];
  for (const rule of policy.rules) {
    if (await isLost(rule)) {
      const how = rule.pattern.startsWith('s3:') ? 'none of the places that were given' : 'nothing on this disk';
      const message = `the pattern matches ${how}: ${rule.pattern}`;
      found.push(
        warning('policy-pattern-unmatched', message, `rule ${rule.name}`, 'check its spelling: patterns begin at the policy file'),
      );
    }
  }
  return found;
}
