import { type Check, type Finding, verdictOf } from '../core/index.ts';
import { type AncestorPath, type Lineage, type LineageNode, label, type Revocations } from '../lineage/index.ts';
import type { Policy, Rule } from '../policy/index.ts';
import type { EnvelopeOptions } from '../verify/index.ts';
import { type LineageRoot, type SearchOptions, traceLineage } from './trace-lineage.ts';

/** How what a model was made from is judged. */
export interface LineageOptions extends SearchOptions {
  /**
   * `asked` unless given: where the policy or a revocation list says something of it. `always`: every ancestor must be signed,
   * also where the policy says nothing. `found`: it is looked for in any case, and judged where asked. `later`: it is about to be
   * stated, and only what is revoked of it counts.
   */
  readonly lineage?: 'asked' | 'always' | 'found' | 'later' | undefined;
}

/** What became of it. */
export interface CheckedLineage {
  /** Absent where nobody asked. */
  readonly lineage?: Lineage | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** Under what a model's ancestors are judged. */
export interface AncestryTrust {
  readonly policy: Policy;
  readonly rule: Rule;
  readonly evidence: EnvelopeOptions;
  /** What is revoked; nothing that a model descends from may be. */
  readonly revocations?: Revocations | undefined;
}

/** Finds and judges what a model was made from, as far as its rule or a revocation list asks for that. */
export async function checkLineage(root: LineageRoot, trust: AncestryTrust, options: LineageOptions): Promise<CheckedLineage> {
  const { rule, revocations } = trust;
  const { lineage: mode = 'asked' } = options;
  const isAsked = mode === 'always' || (mode !== 'later' && rule.lineage.size > 0);
  if (!(isAsked || mode === 'found' || revocations?.hasDigests === true)) return { checks: [], findings: [] };
  const evidence = { ...trust.evidence, require: rule.require };
  const traced = await traceLineage(root, { ...trust, evidence, asksAll: mode === 'always' }, options);
  const lineage = revocations === undefined ? traced : withRevoked(traced, revocations);
  const counted = isAsked ? lineage.findings : lineage.findings.filter(mode === 'later' ? isRevoked : isOfRevocation);
  return { lineage, checks: [lineageCheck(lineage, counted, isAsked)], findings: counted };
}

/** Where a rule says nothing of lineage, and a list revokes something: what is revoked, and what could not be looked at. */
function isOfRevocation({ code, severity }: Finding): boolean {
  return isRevoked({ code }) || code === 'attestation-changed' || (severity === 'undetermined' && code !== 'provenance-missing');
}

function isRevoked({ code }: Pick<Finding, 'code'>): boolean {
  return code === 'revoked-ancestor';
}

/** The lineage in one line of the evidence: where nobody has to state it, also what could not be judged for that. */
function lineageCheck({ nodes, edges }: Lineage, findings: readonly Finding[], isAsked: boolean): Check {
  const ancestors = nodes.slice(1).filter(({ modelId }) => modelId !== undefined);
  const proven = ancestors.filter(({ verdict }) => verdict === 'verified').length;
  const failed = findings.some(({ severity }) => severity === 'rejected');
  const open = findings.some(({ severity }) => severity === 'undetermined');
  const isStated = nodes[0] !== undefined && nodes[0].provenance.length > 0;
  const counts = `models that it was made from: ${ancestors.length}, verified: ${proven}; other materials: ${nodes.length - 1 - ancestors.length}; edges: ${edges.length}`;
  const silent = ancestors.filter(({ where, provenance }) => where === undefined || provenance.length === 0).length;
  return {
    name: 'lineage',
    status: failed ? 'failed' : open ? 'could-not-run' : isAsked || isStated ? 'passed' : 'skipped',
    detail:
      isAsked || (isStated && silent === 0)
        ? counts
        : isStated
          ? `${counts}; of ${silent} of these models no believed provenance is there, so what they were made from could not be judged`
          : 'no believed provenance is there: whether it was made from what is revoked could not be judged (a rule with "lineage" asks for it)',
  };
}

/** The lineage with whatever is revoked in it rejected, and the shortest way that leads to it. */
function withRevoked(lineage: Lineage, revocations: Revocations): Lineage {
  const { nodes, edges } = lineage;
  const [root, ...ancestors] = nodes;
  if (root === undefined) return lineage;
  const known = new Map(nodes.map((node) => [node.id, node]));
  // Another statement may bind the same thing by another digest: each of them counts.
  const digests = Map.groupBy(edges, ({ to }) => to);
  const judged = ancestors.map((node): LineageNode => {
    const all = (digests.get(node.id) ?? []).flatMap(({ material }) => Object.entries(material.digests));
    const values = new Set(all.map(([algorithm, value]) => `${algorithm === 'mlsignModel' ? 'sha256' : algorithm}:${value}`));
    const way = wayTo(node, known);
    const findings = [
      ...[...values].map((value) => revocations.ancestor(value, label(root), way)),
      ...(node.revokedFiles ?? []).map(({ name, digest }) => revocations.ancestor(digest, label(root), [...way, name])),
    ].filter((finding) => finding !== undefined);
    return findings.length === 0 ? node : { ...node, verdict: 'rejected', findings: [...node.findings, ...findings] };
  });
  const own = new Set(lineage.findings);
  const findings = [...lineage.findings, ...judged.flatMap((node) => node.findings).filter((finding) => !own.has(finding))];
  return { ...lineage, verdict: verdictOf(findings), nodes: [root, ...judged], findings };
}

function wayTo(node: LineageNode, known: ReadonlyMap<string, LineageNode>): AncestorPath {
  const way: string[] = [];
  for (let at: LineageNode | undefined = node; at !== undefined; at = at.via === undefined ? undefined : known.get(at.via))
    way.unshift(label(at));
  return way;
}
