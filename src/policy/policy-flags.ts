import { usage } from '../core/index.ts';
import type { SchemeName } from '../formats/index.ts';
import { type IdentitySource, identityTrust } from './identity.ts';
import { channelPrincipals, type Policy, type Requirement, RULE_DEFAULTS, type Rule, releasePrincipals } from './policy.ts';
import { authorityTrust, type KeyTrust, keyTrust, type PemSource, type Principal, type Trust } from './principal.ts';
import type { RevocationPlace, RevocationRule } from './revocation-rule.ts';

/** Trust and tolerance as flags say them. */
export interface PolicyFlags {
  readonly trustKeys?: readonly PemSource[] | undefined;
  /** Keys of a KMS, already read. */
  readonly kmsKeys?: readonly KeyTrust[] | undefined;
  readonly cas?: readonly PemSource[] | undefined;
  readonly identities?: readonly IdentitySource[] | undefined;
  /** Who may sign release records and channel pointers; the model's signers unless given. */
  readonly releaseKeys?: readonly PemSource[] | undefined;
  /** Where a revocation list must be, and the keys of those who may sign it. */
  readonly revocations?: { readonly place: RevocationPlace; readonly keys: readonly PemSource[] } | undefined;
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
  const principals = trustedBy(flags);
  if (principals.length === 0) {
    throw usage('trust-missing', 'nobody is trusted: a signature proves nothing without a trusted signer', {
      suggestions: [
        'give the public key of the signer (--trust-key), its root certificate (--ca), its identity (--identity, --issuer), or a policy (--policy)',
      ],
    });
  }
  const released = releasersOf(flags);
  const rule: Rule = {
    name: 'flags',
    pattern: '**',
    signedBy: [anyOf(principals)],
    releasedBy: released.length === 0 ? undefined : [released],
    channels: new Map(),
    lineage: new Map(),
    attestations: [],
    revocations: revocationsOf(flags),
    ...RULE_DEFAULTS,
    unsignedPaths: flags.unsignedPaths ?? RULE_DEFAULTS.unsignedPaths,
    allowSymlinks: flags.allowSymlinks ?? RULE_DEFAULTS.allowSymlinks,
    allowLegacy: flags.allowLegacy ?? RULE_DEFAULTS.allowLegacy,
    ignoreUnsigned: flags.ignoreUnsigned ?? RULE_DEFAULTS.ignoreUnsigned,
    formats: { allowCode: [], by: 'flags' },
  };
  return { source: 'flags', files: flags.files ?? [], principals, rules: [rule] };
}

function trustedBy({ trustKeys = [], kmsKeys = [], cas = [], identities = [], rsaPadding }: PolicyFlags): readonly Principal[] {
  return [
    ...[...trustKeys.map((source) => keyTrustOf(source, rsaPadding)), ...kmsKeys].map((trust) => named('key', trust)),
    ...(cas.length === 0 ? [] : [named('authority', authorityTrust(cas, {}))]),
    ...identities.map((source) => named('identity', identityTrust(source))),
  ];
}

function releasersOf({ releaseKeys = [], rsaPadding }: PolicyFlags): readonly Principal[] {
  return releaseKeys.map((source) => keyPrincipal('release key', source, rsaPadding));
}

function revocationsOf({ revocations, rsaPadding }: PolicyFlags): readonly RevocationRule[] {
  if (revocations === undefined) return [];
  const { place, keys } = revocations;
  return [{ place, signedBy: [keys.map((source) => keyPrincipal('revoker', source, rsaPadding))] }];
}

/** Somebody who is known by one key. */
export function keyPrincipal(kind: string, source: PemSource, rsaPadding?: PolicyFlags['rsaPadding']): Principal {
  return named(kind, keyTrustOf(source, rsaPadding));
}

function anyOf(principals: readonly Principal[]): Requirement {
  const text = principals.length === 1 ? (principals[0]?.name ?? '') : `1 of [${principals.map(({ name }) => name).join(', ')}]`;
  return { text, threshold: 1, of: principals };
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
 * A policy whose every rule also demands what the trust of flags demands (AND); what the rules allow stays as it is.
 *
 * @throws MlsignError what PEM files and identities are refused for
 */
export function combine(policy: Policy, flags: PolicyFlags): Policy {
  const principals = trustedBy(flags);
  const released = releasersOf(flags);
  const revocations = revocationsOf(flags);
  if (principals.length + released.length + revocations.length === 0) return policy;
  const signedBy = principals.length === 0 ? [] : [anyOf(principals)];
  const releasedBy = released.length === 0 ? [] : [released];
  return {
    ...policy,
    source: `${policy.source} and flags`,
    files: [...policy.files, ...(flags.files ?? [])],
    principals: [...policy.principals, ...principals],
    rules: policy.rules.map((rule) => ({
      ...rule,
      signedBy: [...rule.signedBy, ...signedBy],
      revocations: [...rule.revocations, ...revocations],
      // A summary says nothing of signers that only flags ask for.
      vsa: principals.length === 0 ? rule.vsa : undefined,
      // The model's own signers are those of the file: a flag that adds one adds nobody here.
      releasedBy: [...releasePrincipals(rule), ...releasedBy],
      channels: new Map(
        [...rule.channels].map(([name, channel]) => [name, { ...channel, signedBy: [...channelPrincipals(rule, name), ...releasedBy] }]),
      ),
    })),
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
