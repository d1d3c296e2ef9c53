import { pathToFileURL } from 'node:url';
import { type Finding, verdictOf } from '../core/index.ts';
import type { RequiredAttestation } from '../gate/index.ts';
import { type Lineage, localAttestations } from '../lineage/index.ts';
import type { Source } from '../model/index.ts';
import type { Policy, Rule } from '../policy/index.ts';
import type { StoreLocation } from '../store/index.ts';
import { acceptSummary, afterSummary, type SummaryOptions } from './accept-summary.ts';
import { checkAttestations } from './check-attestations.ts';
import { checkLineage, type LineageOptions } from './check-lineage.ts';
import { type CheckedRevocations, checkRevocations, type RevocationOptions, type StoredPlace } from './check-revocations.ts';
import { localPlace } from './find-local-models.ts';
import { companionDirectory } from './locations.ts';
import { type Candidate, type EvidenceOptions, type OpenedSignatures, openSignatures, signatureSources } from './open-signatures.ts';
import { withoutRevoked } from './revoked-contents.ts';

/** How the signatures of a model on disk are opened. */
export interface OpenUnrevokedOptions extends EvidenceOptions, RevocationOptions, LineageOptions, SummaryOptions {
  readonly signatures?: readonly string[] | undefined;
}

/** What a model's signatures prove, and the lists by which they were judged. */
export interface UnrevokedSignatures extends OpenedSignatures {
  readonly revoked: CheckedRevocations;
  /** What is left to hold, where a verification summary stands in for the rest. */
  readonly rule: Rule;
  /** What the model was made from, where that was asked for. */
  readonly lineage?: Lineage | undefined;
  /** Which statements about it were asked for, and what became of them. */
  readonly attestations?: readonly RequiredAttestation[] | undefined;
}

/**
 * Opens the signatures of a model on disk, once it is known what is revoked: what revoked signers say counts for nothing, and a
 * revoked model is none. What it was made from is found and judged as its rule asks.
 *
 * @param place where the model goes, if it goes into a store
 */
export async function openUnrevoked(
  source: Source,
  policy: Policy,
  asked: Rule,
  now: Date,
  options: OpenUnrevokedOptions,
  place?: StoredPlace & { readonly location: StoreLocation },
): Promise<UnrevokedSignatures> {
  const revoked = await checkRevocations(asked, options, now, options, place);
  const here = {
    resource: pathToFileURL(source.path).href,
    bundles: () => signatureSources(source, options.signatures, []),
    attestations: (findings: Finding[]) => localAttestations(companionDirectory(source), findings),
  };
  const summary = await acceptSummary(here, { policy, rule: asked, revoked, now }, options);
  const { rule } = summary;
  const all =
    summary.opened ?? afterSummary(summary, await openSignatures(source, policy, rule, options.signatures, now, revoked.evidence));
  const opened = withoutRevoked(all, revoked.revocations, source.name);
  const before = {
    ...opened,
    revoked,
    rule,
    checks: [...revoked.checks, ...opened.checks],
    findings: [...revoked.findings, ...opened.findings],
  };
  // A list that is missing or old leaves the answer open, and what is known to be revoked is rejected all the same.
  if (verdictOf(opened.findings) !== 'verified') return before;
  const trust = { policy, rule, evidence: { ...revoked.evidence, now }, revocations: revoked.revocations };
  const rootOf = ({ modelId, statements }: Candidate) => ({ modelId, statements, place: localPlace(source), source, ...place });
  const judged = [];
  for (const candidate of opened.candidates) {
    const ancestry = await checkLineage(rootOf(candidate), trust, options);
    // What is about to be attested or approved need not have been.
    const stated = options.lineage === 'later' ? undefined : await checkAttestations(candidate.modelId, here.attestations, trust);
    judged.push({
      candidate,
      lineage: ancestry.lineage,
      attestations: stated?.attestations,
      checks: [...ancestry.checks, ...(stated?.checks ?? [])],
      findings: [...ancestry.findings, ...(stated?.findings ?? [])],
    });
  }
  // The same files may be signed in several ways; provenance is about one of them.
  const sound = judged.filter(({ findings }) => verdictOf(findings) === 'verified');
  const shown = sound[0] ?? judged[0];
  return {
    ...before,
    lineage: shown?.lineage,
    attestations: shown?.attestations,
    candidates: (sound.length > 0 ? sound : judged).map(({ candidate }) => candidate),
    checks: [...before.checks, ...(shown?.checks ?? [])],
    findings: [...before.findings, ...(shown?.findings ?? [])],
  };
}
