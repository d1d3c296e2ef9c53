import { type Finding, verdictOf } from '../core/index.ts';
import { isBinding } from '../formats/index.ts';
import { evaluateSigners, isFrom, type LineageRule, type Rule } from '../policy/index.ts';
import type { GraphNode, LineageEdge, LineageGraph, WalkRole } from './graph.ts';
import * as say from './lineage-findings.ts';
import type { Lineage, LineageNode, OpenedNode, ProvenanceClaim } from './node.ts';
import { contradictions, relationFindings } from './relations.ts';

/** Under what a lineage is judged: without a rule it is only shown. */
export interface LineageTrust {
  readonly rule: Rule;
  /** Whether every model of the lineage must be signed where the rule says nothing of it: by those who sign the model. */
  readonly asksAll: boolean;
}

/** What holds for one role. */
interface RoleTrust extends LineageRule {
  readonly signedBy: NonNullable<LineageRule['signedBy']>;
  /** Whether the policy asks that such an ancestor is signed. */
  readonly isAsked: boolean;
  /** Whether the rule itself says so. */
  readonly isListed: boolean;
}

const UNLISTED = { from: [], builders: [], required: true, minimum: 0 } as const;

function trustOf({ rule, asksAll }: LineageTrust, role: WalkRole): RoleTrust {
  const listed = role === 'other' ? undefined : rule.lineage.get(role);
  const isAsked = listed?.signedBy !== undefined || (asksAll && rule.lineage.size === 0);
  const own = listed ?? UNLISTED;
  return { ...own, signedBy: listed?.signedBy ?? rule.signedBy, isAsked, isListed: listed !== undefined };
}

/**
 * The statements about a model that are believed of one in a role: those for which as many of its signers as must name the same
 * materials. All of them where nobody is trusted.
 */
export function believed({ statements }: OpenedNode, role: WalkRole, trust: LineageTrust | undefined): readonly ProvenanceClaim[] {
  if (trust === undefined || statements.length === 0) return statements;
  const { signedBy } = trustOf(trust, role);
  const signed = statements.flatMap(({ principals, materials, bundle, key = bundle }) =>
    principals.map((principal) => ({ principal, modelId: materials, bundle, key })),
  );
  const { satisfied } = evaluateSigners({ ...trust.rule, signedBy }, signed);
  const bundles = new Set(satisfied.flatMap((each) => each.bundles));
  return statements.filter(({ bundle }) => bundles.has(bundle));
}

/** Judges a lineage that was walked: of each part whether it is what the policy asks for, and of the whole the verdict. */
export function judgeLineage(graph: LineageGraph<OpenedNode>, trust: LineageTrust | undefined): Lineage {
  const incoming = Map.groupBy(graph.edges, ({ to }) => to);
  const nodes = [...graph.nodes.values()].map((node) => judgeNode(node, incoming.get(node.id) ?? [], trust));
  const minimum = trust === undefined ? [] : minimumFindings(graph, trust);
  const findings = [...graph.findings, ...minimum, ...nodes.flatMap((node) => node.findings)];
  const verdict = verdictOf(findings);
  return { verdict, isVerified: trust !== undefined, root: graph.root, nodes, edges: graph.edges, findings };
}

function judgeNode(node: GraphNode<OpenedNode>, incoming: readonly LineageEdge[], trust: LineageTrust | undefined): LineageNode {
  const { id, digest, depth, content, via } = node;
  const roles = [...node.roles];
  const statements = content === undefined ? [] : [...new Set(roles.flatMap((role) => believed(content, role, trust)))];
  const base = {
    id,
    modelId: 'id' in digest ? digest.id : undefined,
    name: content?.name ?? via?.material.name,
    uri: via?.material.uri,
    roles,
    depth,
    via: via?.from,
    where: content?.where,
    signers: content?.signers ?? [],
    time: content?.time,
    evidence: [...(content?.evidence ?? []), ...statements.flatMap(({ evidence }) => evidence ?? [])],
    revokedFiles: content?.revokedFiles,
    provenance: statements.map(({ bundle, signer, provenance }) => ({ bundle, signer, builder: provenance.builder })),
  };
  const subject = say.label(base);
  const weak = isBinding(digest) ? [] : [say.notBinding(subject, id)];
  const relations = statements.flatMap(({ provenance, bundle }) => relationFindings(provenance, subject, bundle));
  const isRefused = trust !== undefined && (trust.asksAll || trust.rule.lineage.size > 0);
  const always = [...weak, ...relations, ...contradictions(statements, subject, isRefused)];
  const { findings: stated = [], signatureFindings = [] } = content ?? {};
  if (trust === undefined) {
    const missing = isMissing(node) ? [say.notFound(subject, id)] : [];
    return { ...base, verdict: 'not-checked', findings: [...signatureFindings, ...stated, ...always, ...missing] };
  }
  const judged = roles.map((role) => judgeRole(node, role, subject, trust));
  const places = incoming.flatMap((edge) => placeFindings(edge, subject, trust));
  // Whatever lies beside it spoils nothing that is proven without it; but what nobody could judge may say more than the rest.
  const isProven = judged.every((each) => each.isProven);
  const isAsked = roles.some((role) => role === 'model' || trustOf(trust, role).isAsked);
  const ofSignatures = isProven || !isAsked ? signatureFindings.map(soften) : signatureFindings;
  const ofStatements = isAsked ? stated : stated.map(soften);
  const findings = [...ofSignatures, ...ofStatements, ...always, ...places, ...judged.flatMap((each) => each.findings)];
  const verdict = verdictOf(findings);
  // Nothing is verified of what nobody asks for, and nobody has signed.
  return { ...base, verdict: verdict === 'verified' && !isProven ? 'not-checked' : verdict, findings };
}

function soften(finding: Finding): Finding {
  return finding.severity === 'undetermined' ? { ...finding, severity: 'warning' } : finding;
}

function isMissing({ depth, digest, content }: GraphNode<OpenedNode>): boolean {
  return depth > 0 && 'id' in digest && content?.where === undefined;
}

function judgeRole(node: GraphNode<OpenedNode>, role: WalkRole, subject: string, trust: LineageTrust) {
  const { content, digest, id } = node;
  const wanted = trustOf(trust, role);
  const unlisted =
    'id' in digest && !wanted.isListed && trust.rule.lineage.size > 0 && role !== 'model' ? [say.roleUnlisted(subject, role)] : [];
  if (!('id' in digest))
    return { isProven: false, findings: wanted.isAsked && wanted.isListed ? [say.notSigned(subject, role, id, wanted.signedBy)] : [] };
  if (content === undefined) return { isProven: false, findings: unlisted };
  const builders = believed(content, role, trust).flatMap(({ provenance: { builder }, bundle, signer }) =>
    wanted.builders.length === 0 || wanted.builders.includes(builder)
      ? []
      : [say.builderNotAllowed(bundle, signer, builder, wanted.builders)],
  );
  // The signatures of the model itself are verified by those who ask for its lineage.
  if (role === 'model') return judgeRoot(content, subject, builders, wanted, trust);
  if (content.where === undefined) {
    const isOpen = wanted.isAsked && wanted.required;
    return { isProven: false, findings: [...unlisted, isOpen ? say.parentMissing(subject, role, id) : say.notFound(subject, id)] };
  }
  const { satisfied } = evaluateSigners({ ...trust.rule, signedBy: wanted.signedBy }, content.signed);
  const isSigned = satisfied.length > 0;
  const isOpen = content.signatureFindings.some(({ severity }) => severity === 'undetermined');
  const lacking = isSigned || !wanted.isAsked ? [] : [say.wrongSigner(subject, role, wanted.signedBy, content.signers, isOpen)];
  return { isProven: isSigned, findings: [...unlisted, ...builders, ...lacking] };
}

function judgeRoot(content: OpenedNode, subject: string, builders: readonly Finding[], wanted: RoleTrust, trust: LineageTrust) {
  const isStated = believed(content, 'model', trust).length > 0;
  const missing = isStated || !wanted.required ? [] : [say.provenanceMissing(subject, wanted.signedBy, content)];
  return { isProven: true, findings: [...builders, ...missing] };
}

/** Where the makers say that they had it from. */
function placeFindings({ role, material }: LineageEdge, subject: string, trust: LineageTrust): readonly Finding[] {
  const { from } = trustOf(trust, role);
  return isFrom(from, material.uri) ? [] : [say.placeNotAllowed(subject, role, material.uri, from)];
}

/** What the model itself must name. */
function minimumFindings({ root, edges, nodes }: LineageGraph<OpenedNode>, trust: LineageTrust): readonly Finding[] {
  const { rule } = trust;
  const content = nodes.get(root)?.content;
  // That nobody says anything is a finding of its own, and leaves the answer open.
  const isStated = content !== undefined && believed(content, 'model', trust).length > 0;
  if (!isStated && trustOf(trust, 'model').required) return [];
  return [...rule.lineage].flatMap(([role, { minimum }]) => {
    const count = new Set(edges.flatMap((edge) => (edge.from === root && edge.role === role ? [edge.to] : []))).size;
    return count >= minimum ? [] : [say.tooFew(say.label({ id: root, name: content?.name }), role, minimum, count)];
  });
}
