import type { Clock } from '../core/index.ts';
import { channelPrincipals, type Policy, type Rule, releasePrincipals, selectRule } from '../policy/index.ts';
import type { ChannelClient, HighWaterMark, ReleaseTrust } from '../release/index.ts';
import type { StoreLocation } from '../store/index.ts';
import type { EvidenceOptions } from './open-signatures.ts';

/** What a client knows of channels, and how old it is. */
export interface ClientOptions {
  /** What this client has seen of channels; without it, it is stateless. */
  readonly state?: HighWaterMark | undefined;
  /** A pointer with a lower sequence is rejected. */
  readonly minSequence?: number | undefined;
}

/**
 * The rule for what lies at a place in a store: `s3://bucket/prefix/name`, or the path of a local one.
 *
 * @throws MlsignError what {@link selectRule} throws
 */
export function ruleAt(policy: Policy, { store, url }: StoreLocation): Rule {
  return selectRule(policy, store.kind === 's3' ? url : url.slice('file:'.length));
}

/** Who may sign releases and channels under a rule. */
export function releaseTrust(rule: Rule, evidence: EvidenceOptions, now: Date): ReleaseTrust {
  const { trustedRoot: loadRoot, timestampRoots, checkEvidence, refuseSigner, refuseStatement } = evidence;
  let root: ReturnType<NonNullable<typeof loadRoot>> | undefined;
  // One update of the trusted root is enough for all records and pointers.
  const trustedRoot = loadRoot && (() => (root ??= loadRoot()));
  return {
    releases: releasePrincipals(rule),
    channel: (name) => channelPrincipals(rule, name),
    evidence: { now, trustedRoot, timestampRoots, checkEvidence, refuseSigner, refuseStatement, require: rule.require },
  };
}

/** What is known of the channel that a location names. */
export function channelClient(
  rule: Rule,
  { reference }: StoreLocation,
  { state, minSequence }: ClientOptions,
  clock: Clock,
): ChannelClient {
  const mayBeStateless = reference?.kind !== 'channel' || (rule.channels.get(reference.name)?.stateless ?? true);
  return { ...(state === undefined ? {} : { state }), ...(minSequence === undefined ? {} : { minSequence }), mayBeStateless, now: clock() };
}
