import { type Check, type Clock, type Finding, systemClock, type Verdict, verdictOf } from '../core/index.ts';
import { type Lineage, type OpenStore, releasePlace, StoredModels } from '../lineage/index.ts';
import { modelLocation, type Policy, selectRule } from '../policy/index.ts';
import type { StoreLocation } from '../store/index.ts';
import { claimedRelease } from './claimed-release.ts';
import { localPlace } from './find-local-models.ts';
import { identifyModel } from './identify-model.ts';
import { openModel } from './open-model.ts';
import type { EvidenceOptions } from './open-signatures.ts';
import { openUnrevoked } from './open-unrevoked.ts';
import type { ClientOptions } from './release-trust.ts';
import { asked } from './stored-evidence.ts';
import { openStoredModel } from './stored-model.ts';
import { type SearchOptions, traceLineage } from './trace-lineage.ts';
import { refusePolicyInside } from './verify-model.ts';

/** How a lineage is shown. */
export interface ShowLineageOptions extends SearchOptions, EvidenceOptions, ClientOptions {
  /** Nothing is verified without it. */
  readonly policy?: Policy | undefined;
  readonly clock?: Clock | undefined;
}

/** What a model was made from, or what was made from it, and how that was found out. */
export interface ShownLineage {
  readonly verdict: Verdict;
  /** As it was asked for. */
  readonly model: string;
  readonly direction: 'ancestors' | 'descendants';
  readonly isVerified: boolean;
  readonly policy?: { readonly source: string; readonly digest?: string | undefined; readonly rule: string } | undefined;
  /** Absent where the signatures of the model did not pass. */
  readonly lineage?: Lineage | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/**
 * Shows what a model on disk was made from, to the roots. Under a policy its signatures are verified first, and every model
 * of its lineage; its bytes are not read. Without one, nothing is verified.
 *
 * @throws MlsignError for what no verdict covers: no such model, a policy without a matching rule
 */
export async function showLineage(path: string, options: ShowLineageOptions): Promise<ShownLineage> {
  const source = await openModel(path, options);
  const { policy, clock = systemClock } = options;
  if (policy === undefined) {
    const { modelId } = await identifyModel(source, options, false);
    return inspected(path, await traceLineage({ modelId, place: localPlace(source), source }, undefined, options));
  }
  await refusePolicyInside(source, policy);
  const rule = selectRule(policy, modelLocation(source.path));
  const opened = await openUnrevoked(source, policy, rule, clock(), { ...options, lineage: 'always', summaries: 'none' });
  const checks = [...opened.checks, ...(opened.candidates[0]?.checks ?? [])];
  return verified(path, policy, rule.name, { ...opened, checks });
}

/**
 * The same of a release in a store.
 *
 * @throws MlsignError `reference-missing`, and what the policy and the store throw
 */
export async function showStoredLineage(
  location: StoreLocation,
  options: ShowLineageOptions & { readonly openStore: OpenStore },
): Promise<ShownLineage> {
  const { policy, openStore, signal } = options;
  const store = await openStore(location);
  try {
    if (policy === undefined) {
      const record = await claimedRelease(store, location, signal);
      const { modelId } = record;
      const models = new StoredModels(undefined, { address: location.store, store }, signal);
      const place = {
        ...releasePlace(store, location, record, signal),
        signatures: async () => (await models.at(modelId, location))?.signatures([]) ?? [],
      };
      return inspected(asked(location), await traceLineage({ modelId, place, location, store }, undefined, options));
    }
    const opened = await openStoredModel(location, { ...options, store, policy, lineage: 'always' });
    return verified(asked(location), policy, opened.rule.name, opened);
  } finally {
    await store.close();
  }
}

function inspected(model: string, lineage: Lineage): ShownLineage {
  const check: Check = { name: 'lineage', status: 'skipped', detail: 'nothing was verified, because nobody was to be trusted' };
  const { verdict, findings } = lineage;
  return { verdict, model, direction: 'ancestors', isVerified: false, lineage, checks: [check], findings };
}

function verified(
  model: string,
  { source, digest }: Policy,
  rule: string,
  { lineage, checks, findings }: Pick<ShownLineage, 'lineage' | 'checks' | 'findings'>,
): ShownLineage {
  const skipped: Check = {
    name: 'lineage',
    status: 'skipped',
    detail: 'nothing was looked for, because what comes before it did not pass',
  };
  const unread: Check = { name: 'model-content', status: 'skipped', detail: 'no file was looked at: mlsign verify does that' };
  return {
    verdict: verdictOf(findings),
    model,
    direction: 'ancestors',
    isVerified: true,
    policy: { source, digest, rule },
    lineage,
    checks: [...checks, ...(lineage === undefined ? [skipped] : []), unread],
    findings,
  };
}
