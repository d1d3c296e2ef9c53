import { refused, usage } from '../core/index.ts';
import type { SchemeName } from '../formats/index.ts';
import { type IdentitySource, identityTrust } from './identity.ts';
import { covers } from './pattern.ts';
import { authorityTrust, type KeyTrust, keyTrust, type PemSource, type Principal, type Trust } from './principal.ts';

/** So many of these principals must have signed. */
export interface Requirement {
  /** As the user wrote it: `2 of [ml-lead, security]`. */
  readonly text: string;
  readonly threshold: number;
  /** Each counts once; roles are already replaced by their members. */
  readonly of: readonly Principal[];
}

/** How many different authors must stand behind each signature that counts. */
export interface EvidenceRequirement {
  /** Timestamp authorities that prove when it was made. */
  readonly timestamps: number;
  /** Transparency logs that hold it. */
  readonly logs: number;
}

/** What must hold for the models at some locations. */
export interface Rule {
  /** The pattern as the user wrote it, or what the flags are called. */
  readonly name: string;
  /** The pattern in full; see {@link covers}. */
  readonly pattern: string;
  /** All of them must be met, each on its own. */
  readonly signedBy: readonly Requirement[];
  readonly require: EvidenceRequirement;
  /** Which of the signer's ignored paths may exist on disk: whatever the signer recorded, or exactly these. */
  readonly ignorePaths: 'signed' | readonly string[];
  /** Paths that may be unsigned although the signer did not record them. */
  readonly unsignedPaths: readonly string[];
  readonly allowSymlinks: boolean;
  readonly allowLegacy: boolean;
  readonly ignoreUnsigned: boolean;
}

/** What must hold before a model may be used. */
export interface Policy {
  /** In words: the file, or `flags`. */
  readonly source: string;
  /** SHA-256 of the file, hex. */
  readonly digest?: string | undefined;
  /** The policy file and every file with a trusted key or certificate; none of them may lie in the model. */
  readonly files: readonly string[];
  readonly principals: readonly Principal[];
  readonly rules: readonly Rule[];
}

/** How many patterns an error shows. */
const MOST_SHOWN = 5;

/** What a rule allows unless it says otherwise. */
export const RULE_DEFAULTS = {
  require: { timestamps: 0, logs: 0 },
  ignorePaths: 'signed',
  unsignedPaths: [],
  allowSymlinks: false,
  allowLegacy: false,
  ignoreUnsigned: false,
} as const satisfies Partial<Rule>;

/** Trust and tolerance as flags say them. */
export interface PolicyFlags {
  readonly trustKeys?: readonly PemSource[] | undefined;
  /** Keys of a KMS, already read. */
  readonly kmsKeys?: readonly KeyTrust[] | undefined;
  readonly cas?: readonly PemSource[] | undefined;
  readonly identities?: readonly IdentitySource[] | undefined;
  /** The files that the keys and certificates came from; none of them may lie in the model. */
  readonly files?: readonly string[] | undefined;
  /** Padding of RSA keys; `pss` unless given. */
  readonly rsaPadding?: 'pss' | 'pkcs1' | undefined;
  readonly unsignedPaths?: readonly string[] | undefined;
  readonly ignoreUnsigned?: boolean | undefined;
  readonly allowSymlinks?: boolean | undefined;
  readonly allowLegacy?: boolean | undefined;
}

/** Flags that a policy file replaces: beside it they are usage errors. */
export const FLAGS_OF_A_POLICY = ['ignore-paths', 'ignore-unsigned-files', 'allow-symlinks', 'allow-legacy'] as const;

/**
 * The policy of one rule that flags stand for: any one of the trusted keys, authorities and identities must have signed.
 *
 * @throws MlsignError `trust-missing`, and what PEM files and identities are refused for
 */
export function policyFromFlags(flags: PolicyFlags): Policy {
  const { trustKeys = [], kmsKeys = [], cas = [], identities = [] } = flags;
  const principals: readonly Principal[] = [
    ...[...trustKeys.map((source) => keyTrustOf(source, flags.rsaPadding)), ...kmsKeys].map((trust) => named('key', trust)),
    ...(cas.length === 0 ? [] : [named('authority', authorityTrust(cas, {}))]),
    ...identities.map((source) => named('identity', identityTrust(source))),
  ];
  if (principals.length === 0) {
    throw usage('trust-missing', 'nobody is trusted: a signature proves nothing without a trusted signer', {
      suggestions: [
        'give the public key of the signer (--trust-key), its root certificate (--ca), its identity (--identity, --issuer), or a policy (--policy)',
      ],
    });
  }
  const text = principals.length === 1 ? (principals[0]?.name ?? '') : `1 of [${principals.map(({ name }) => name).join(', ')}]`;
  const rule: Rule = {
    name: 'flags',
    pattern: '**',
    signedBy: [{ text, threshold: 1, of: principals }],
    require: RULE_DEFAULTS.require,
    ignorePaths: RULE_DEFAULTS.ignorePaths,
    unsignedPaths: flags.unsignedPaths ?? RULE_DEFAULTS.unsignedPaths,
    allowSymlinks: flags.allowSymlinks ?? RULE_DEFAULTS.allowSymlinks,
    allowLegacy: flags.allowLegacy ?? RULE_DEFAULTS.allowLegacy,
    ignoreUnsigned: flags.ignoreUnsigned ?? RULE_DEFAULTS.ignoreUnsigned,
  };
  return { source: 'flags', files: flags.files ?? [], principals, rules: [rule] };
}

function named(kind: string, trust: Trust): Principal {
  return { name: `${kind} ${trust.where}`, trust: [trust] };
}

function keyTrustOf(source: PemSource, rsaPadding: 'pss' | 'pkcs1' | undefined) {
  const trust = keyTrust(source);
  const wanted: SchemeName = 'rsa-pkcs1-sha256';
  return rsaPadding === 'pkcs1' && trust.scheme === 'rsa-pss-sha256' ? keyTrust(source, wanted) : trust;
}

/**
 * The rule for a model: of those whose pattern matches, the one that every other one covers.
 *
 * @param location as `modelLocation` gives it
 * @throws MlsignError `policy-no-rule`, `policy-rules-tie`
 */
export function selectRule(policy: Policy, location: string): Rule {
  const matching = policy.rules.filter(({ pattern }) => covers(pattern, location));
  if (matching.length === 0) {
    const names = policy.rules.slice(0, MOST_SHOWN).map(({ name }) => name);
    const more = policy.rules.length - names.length;
    throw refused('policy-no-rule', 'no rule of the policy is for this model', {
      subject: location,
      expected: `a location that matches ${names.join(' or ')}${more > 0 ? ` or one of ${more} other patterns` : ''}`,
      got: location,
      suggestions: ['add a rule for this model to the policy, or check where the model lies'],
    });
  }
  const [best] = matching.filter((rule) => matching.every((other) => covers(other.pattern, rule.pattern)));
  if (best !== undefined) return best;
  throw usage('policy-rules-tie', 'several rules of the policy are for this model, and none is the most specific', {
    subject: location,
    got: matching.map(({ name }) => name).join(', '),
    suggestions: ['add a rule for exactly this model'],
  });
}

/** A policy whose every rule also demands what the flags demand (AND); what the rules allow stays as it is. */
export function combine(policy: Policy, flags: Policy): Policy {
  const further = flags.rules.flatMap(({ signedBy }) => signedBy);
  return {
    ...policy,
    source: `${policy.source} and ${flags.source}`,
    files: [...policy.files, ...flags.files],
    principals: [...policy.principals, ...flags.principals],
    rules: policy.rules.map((rule) => ({ ...rule, signedBy: [...rule.signedBy, ...further] })),
  };
}

/**
 * Refuses flags that would widen a policy file.
 *
 * @param given names of the flags on the command line, without dashes
 * @throws MlsignError `flag-beside-policy`
 */
export function checkFlagsBesidePolicy(given: Iterable<string>): void {
  const names = new Set(given);
  const wrong = FLAGS_OF_A_POLICY.filter((name) => names.has(name));
  if (wrong.length === 0) return;
  throw usage('flag-beside-policy', `a policy says itself what it allows; leave out: ${wrong.map((name) => `--${name}`).join(', ')}`, {
    suggestions: ['write it into the rule for this model'],
  });
}
