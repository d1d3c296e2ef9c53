import { type Check, type Clock, type Finding, systemClock, type Verdict, verdictOf } from '../core/index.ts';
import { type Lineage, type OpenStore, StoredModels } from '../lineage/index.ts';
import { openSource } from '../model/index.ts';
import { modelLocation, type Policy, selectRule } from '../policy/index.ts';
import type { StoreLocation } from '../store/index.ts';
import { claimedRelease } from './claimed-release.ts';
import { localPlace } from './find-local-models.ts';
import { identifyModel } from './identify-model.ts';
import { type EvidenceOptions, openSignatures } from './open-signatures.ts';
import type { ClientOptions } from './release-trust.ts';
import { asked } from './stored-evidence.ts';
import { openStoredModel } from './stored-model.ts';
import { type LineageRoot, type SearchOptions, type TraceTrust, traceLineage } from './trace-lineage.ts';
import { refusePolicyInside } from './verify-model.ts';

/** How a lineage is shown. */
export interface ShowLineageOptions extends SearchOptions, EvidenceOptions, ClientOptions {
  /** Nothing is verified without it. */
  readonly policy?: Policy | undefined;
  readonly clock?: Clock | undefined;
}

/** What a model was made from, and how that was found out. */
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
 * @throws MlsignError for what no verdict covers: no such model, a model without a signature, a policy without a matching rule
 */
export async function showLineage(path: string, options: ShowLineageOptions): Promise<ShownLineage> {
  const source = await openSource(path);
  const { policy } = options;
  if (policy === undefined) {
    const { modelId } = await identifyModel(source, options, false);
    return inspected(path, await traceLineage({ modelId, place: localPlace(source), source }, undefined, options));
  }
  await refusePolicyInside(source, policy);
  const rule = selectRule(policy, modelLocation(source.path));
  const now = (options.clock ?? systemClock)();
  const { candidates, checks, findings } = await openSignatures(source, policy, rule, undefined, now, options);
  const [candidate] = candidates;
  const trust: TraceTrust = { policy, rule, asksAll: true, evidence: { ...options, now, require: rule.require } };
  const root: LineageRoot | undefined = candidate && {
    modelId: candidate.modelId,
    place: localPlace(source),
    source,
    statements: candidate.statements,
  };
  return verified(path, root, trust, { checks: [...checks, ...(candidate?.checks ?? [])], findings }, options);
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
  const { policy, openStore, signal, clock = systemClock } = options;
  const store = await openStore(location);
  const models = new StoredModels(openStore, signal);
  try {
    if (policy === undefined) {
      const { modelId, attestations } = await claimedRelease(store, location, signal);
      const place = (await models.at(modelId, location, attestations)) ?? (await models.place(modelId, location, attestations));
      return inspected(asked(location), await traceLineage({ modelId, place, location }, undefined, options));
    }
    const { rule, release, contents, checks, findings } = await openStoredModel(location, { ...options, store, policy });
    const trust: TraceTrust = { policy, rule, asksAll: true, evidence: { ...options, now: clock(), require: rule.require } };
    const root: LineageRoot | undefined = release &&
      contents && {
        modelId: release.record.modelId,
        place: await models.place(release.record.modelId, location, release.record.attestations),
        location,
        statements: contents.candidate.statements,
      };
    return await verified(asked(location), root, trust, { checks, findings }, options);
  } finally {
    await models.close();
    await store.close();
  }
}

function inspected(model: string, lineage: Lineage): ShownLineage {
  const check: Check = { name: 'lineage', status: 'skipped', detail: 'nothing was verified, because nobody was to be trusted' };
  return {
    verdict: lineage.verdict,
    model,
    direction: 'ancestors',
    isVerified: false,
    lineage,
    checks: [check],
    findings: lineage.findings,
  };
}

async function verified(
  model: string,
  root: LineageRoot | undefined,
  trust: TraceTrust,
  signatures: { readonly checks: readonly Check[]; readonly findings: readonly Finding[] },
  options: SearchOptions,
): Promise<ShownLineage> {
  const { policy, rule } = trust;
  const base = {
    model,
    direction: 'ancestors',
    isVerified: true,
    policy: { source: policy.source, digest: policy.digest, rule: rule.name },
  } as const;
  const unread: Check = { name: 'model-content', status: 'skipped', detail: 'no file was looked at: mlsign verify does that' };
  if (root === undefined || verdictOf(signatures.findings) !== 'verified') {
    const skipped: Check = {
      name: 'lineage',
      status: 'skipped',
      detail: 'nothing was looked for, because the signatures of the model did not pass',
    };
    return { ...base, ...signatures, verdict: verdictOf(signatures.findings), checks: [...signatures.checks, skipped, unread] };
  }
  const lineage = await traceLineage(root, trust, options);
  const findings = [...signatures.findings, ...lineage.findings];
  return { ...base, verdict: verdictOf(findings), lineage, checks: [...signatures.checks, lineageCheck(lineage), unread], findings };
}

/** The lineage in one line of the evidence. */
export function lineageCheck({ verdict, nodes, edges }: Lineage): Check {
  const models = nodes.filter(({ modelId }) => modelId !== undefined).length - 1;
  const proven = nodes.slice(1).filter((node) => node.modelId !== undefined && node.verdict === 'verified').length;
  return {
    name: 'lineage',
    status: verdict === 'verified' ? 'passed' : verdict === 'rejected' ? 'failed' : 'could-not-run',
    detail: `models that it was made from: ${models}, verified: ${proven}; other materials: ${nodes.length - 1 - models}; edges: ${edges.length}`,
  };
}
