import type { Source } from '../model/index.ts';
import type { Policy, Rule } from '../policy/index.ts';
import { type CheckedRevocations, checkRevocations, type RevocationOptions, type StoredPlace } from './check-revocations.ts';
import { type EvidenceOptions, type OpenedSignatures, openSignatures } from './open-signatures.ts';
import { withoutRevoked } from './revoked-contents.ts';

/** How the signatures of a model on disk are opened. */
export interface OpenUnrevokedOptions extends EvidenceOptions, RevocationOptions {
  readonly signatures?: readonly string[] | undefined;
}

/** What a model's signatures prove, and the lists by which they were judged. */
export interface UnrevokedSignatures extends OpenedSignatures {
  readonly revoked: CheckedRevocations;
}

/**
 * Opens the signatures of a model on disk, once it is known what is revoked: what revoked signers say counts for nothing, and a
 * revoked model is none.
 *
 * @param place where the model goes, if it goes into a store
 */
export async function openUnrevoked(
  source: Source,
  policy: Policy,
  rule: Rule,
  now: Date,
  options: OpenUnrevokedOptions,
  place?: StoredPlace,
): Promise<UnrevokedSignatures> {
  const revoked = await checkRevocations(rule, options, now, options, place);
  const all = await openSignatures(source, policy, rule, options.signatures, now, revoked.evidence);
  const opened = withoutRevoked(all, revoked.revocations, source.name);
  return { ...opened, revoked, checks: [...revoked.checks, ...opened.checks], findings: [...revoked.findings, ...opened.findings] };
}
