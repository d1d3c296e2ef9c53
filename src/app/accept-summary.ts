import { type Check, errorFinding, type Finding, MlsignError, readCapped, sha256Hex } from '../core/index.ts';
import {
  claimsPredicateType,
  MAX_BUNDLE_BYTES,
  type OmsStatement,
  parseBundle,
  parseOmsStatement,
  parseVsa,
  type VerificationSummary,
  VSA_TYPE,
} from '../formats/index.ts';
import { isSummarized, judgeSummary, type SummarizedSignature } from '../gate/index.ts';
import type { AttestationSource } from '../lineage/index.ts';
import { modelId } from '../model/index.ts';
import type { Policy, Rule } from '../policy/index.ts';
import { openStatement, type VerifiedStatement } from '../verify/index.ts';
import type { CheckedRevocations } from './check-revocations.ts';
import type { BundleSource, OpenedSignatures, SignatureResult } from './open-signatures.ts';

/** Which verification summaries are looked at. */
export interface SummaryOptions {
  /** Files beside those that travel with the model; `none`: the rule must be met by signatures themselves. */
  readonly summaries?: readonly string[] | 'none' | undefined;
}

/** A model, and what lies with it. */
export interface SummarizedPlace {
  /** A URI. */
  readonly resource: string;
  /** SHA-256, hex, of the record of a release in a store. */
  readonly recordDigest?: string | undefined;
  readonly bundles: () => Promise<readonly BundleSource[]>;
  readonly attestations: (findings: Finding[]) => Promise<readonly AttestationSource[]>;
}

/** Under what a summary is accepted. */
export interface SummaryTrust {
  readonly policy: Policy;
  readonly rule: Rule;
  readonly revoked: CheckedRevocations;
  readonly now: Date;
}

/** What a summary stands in for, or why none does. */
export interface AcceptedSummary {
  /** What the signatures come to, by the word of the gatekeeper; absent where the signers themselves are counted. */
  readonly opened?: OpenedSignatures | undefined;
  /** What is left to hold. */
  readonly rule: Rule;
  readonly checks: readonly Check[];
  /** Rejections count where the signers are not enough by themselves. */
  readonly findings: readonly Finding[];
}

type Summary = VerifiedStatement<VerificationSummary>;

/** What was found of summaries, beside those that can be judged. */
interface Notes {
  readonly checks: Check[];
  readonly findings: Finding[];
}

/**
 * Accepts the verification summary of a gatekeeper instead of what a rule asks of signers, lineage, attestations and, in a store,
 * formats. Which files it is about, the manifest says that the gatekeeper verified, whoever signed it: that bundle, byte for byte, as a model id says
 * nothing of paths that were left out.
 */
export async function acceptSummary(place: SummarizedPlace, trust: SummaryTrust, { summaries }: SummaryOptions): Promise<AcceptedSummary> {
  const { rule } = trust;
  const { vsa } = rule;
  if (vsa === undefined) return { rule, checks: [], findings: [] };
  const notes: Notes = { checks: [], findings: [] };
  if (summaries === 'none') return { ...notes, rule, checks: [skipped('the signers themselves are asked for')] };
  const found = await openSummaries(place, trust, summaries ?? [], notes);
  const claims = new Map<string, SummarizedSignature & { readonly manifest: OmsStatement }>();
  const signatures: SignatureResult[] = [];
  const unread: Finding[] = [];
  for (const { path, read } of found.length === 0 ? [] : await place.bundles()) {
    const claim = await attempt(async () => {
      const bytes = await read();
      return bytes && claimedSignature(bytes, path, rule.allowLegacy);
    });
    if (claim === undefined) continue;
    signatures.push({ path, isRead: !(claim instanceof MlsignError) || claim.outcome !== 'unavailable' });
    if (claim instanceof MlsignError) unread.push({ ...errorFinding(claim, path), severity: 'warning' });
    else claims.set(claim.sha256, claim);
  }
  const question = {
    rule: vsa,
    policyDigest: trust.policy.digest,
    resource: place.resource,
    recordDigest: place.recordDigest,
    signatures: [...claims.values()],
    revocations: trust.revoked.revocations,
    now: trust.now,
  };
  for (const summary of found.toSorted((a, b) => b.statement.timeVerified.getTime() - a.statement.timeVerified.getTime())) {
    const findings = judgeSummary(summary, question);
    const claim = question.signatures.find((signature) => isSummarized(signature, summary.statement));
    const vouched = claim && summary.over(claim.manifest, ({ subject }) => subject.modelId === claim.modelId);
    if (findings.length === 0 && vouched !== undefined) {
      const checks = [...notes.checks, passed(summary), ...standsInFor(rule, summary.statement, place)];
      const signed = { path: summary.bundle, isRead: true, statement: vouched };
      const candidate = { modelId: summary.statement.subject.modelId, statements: [vouched] as const, checks: [] };
      const opened = {
        signatures: [signed, ...signatures],
        candidates: [candidate],
        checks,
        findings: [...unread, ...notes.findings.map(asWarning)],
      };
      return { opened, rule: withoutSummarized(rule, place), checks: [], findings: [] };
    }
    notes.findings.push(...findings);
    notes.checks.push({
      name: 'vsa',
      status: 'failed',
      detail: `${summary.bundle}: not accepted: ${findings.map(({ message }) => message).join('; ')}`,
    });
    // What passed before that is out of date.
    if (findings.every(({ code }) => code === 'vsa-failed')) break;
  }
  if (found.length === 0) notes.checks.push(skipped('there is no verification summary of a gatekeeper'));
  return { ...notes, rule };
}

/** What signatures come to where no summary stands in for them: where they are enough, what is wrong with summaries is only told. */
export function afterSummary({ checks, findings }: AcceptedSummary, opened: OpenedSignatures): OpenedSignatures {
  const isEnough = opened.candidates.length > 0;
  return {
    ...opened,
    checks: [...checks, ...opened.checks],
    findings: [...opened.findings, ...(isEnough ? findings.map(asWarning) : findings)],
  };
}

/** The summaries that are named, and those beside the model, whose signature is that of a gatekeeper. */
async function openSummaries(
  place: SummarizedPlace,
  { rule, revoked, now }: SummaryTrust,
  named: readonly string[],
  { checks, findings }: Notes,
): Promise<readonly Summary[]> {
  const found: Summary[] = [];
  const open = async (bytes: Uint8Array, path: string): Promise<void> => {
    const opened = await openStatement(bytes, path, rule.vsa?.signedBy ?? [], parseVsa, { ...revoked.evidence, now });
    checks.push(...opened.checks);
    findings.push(...opened.findings);
    if (opened.verified !== undefined && found.every(({ bundleDigest }) => bundleDigest !== opened.verified?.bundleDigest))
      found.push(opened.verified);
  };
  for (const path of named) await open(await readCapped(path, MAX_BUNDLE_BYTES, 'verification summary'), path);
  const listing: Finding[] = [];
  const beside = await place.attestations(listing);
  findings.push(...listing.map(asWarning));
  for (const { path, read } of beside) {
    const error = await attempt(async () => {
      const bytes = await read();
      if (claimsPredicateType(parseBundle(bytes, path).envelope.payload, VSA_TYPE)) await open(bytes, path);
    });
    if (error !== undefined) findings.push({ ...errorFinding(error, path), severity: 'warning' });
  }
  return found;
}

function claimedSignature(bytes: Uint8Array, path: string, allowLegacy: boolean) {
  const manifest = parseOmsStatement(parseBundle(bytes, path).envelope.payload, path, { allowLegacy });
  return { modelId: modelId(manifest.manifest), sha256: sha256Hex(bytes), manifest };
}

async function attempt<T>(work: () => Promise<T>): Promise<T | MlsignError> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    return error;
  }
}

/**
 * The rule without what the summary stands in for. Bytes, release, channel and revocations are left; on a disk so are formats, as
 * unsigned files may have come since: none can in a release.
 */
function withoutSummarized(rule: Rule, { recordDigest }: SummarizedPlace): Rule {
  const formats = recordDigest === undefined ? rule.formats : 'any';
  return { ...rule, require: { timestamps: 0, logs: 0 }, maxAge: undefined, lineage: new Map(), attestations: [], formats };
}

function standsInFor(rule: Rule, { verifier }: VerificationSummary, { recordDigest }: SummarizedPlace): readonly Check[] {
  const { timestamps, logs } = rule.require;
  const names = [
    'signers',
    ...(timestamps + logs > 0 || rule.maxAge !== undefined ? ['evidence'] : []),
    ...(rule.lineage.size > 0 ? ['lineage'] : []),
    ...(rule.attestations.length > 0 ? ['attestations'] : []),
    ...(rule.formats === 'any' || recordDigest === undefined ? [] : ['formats']),
  ];
  return names.map((name) => ({ name, status: 'not-applicable', detail: `by the verification summary of ${verifier}` }));
}

function passed({ bundle, statement, signer }: Summary): Check {
  const { verifier, timeVerified, policy, resource } = statement;
  return {
    name: 'vsa',
    status: 'passed',
    detail: `${bundle}: ${verifier} verified ${resource} at ${timeVerified.toISOString()} under policy ${policy.sha256.slice(0, 16)}; signed by ${signer.description}`,
  };
}

function skipped(detail: string): Check {
  return { name: 'vsa', status: 'skipped', detail };
}

function asWarning(finding: Finding): Finding {
  return finding.severity === 'note' ? finding : { ...finding, severity: 'warning' };
}
