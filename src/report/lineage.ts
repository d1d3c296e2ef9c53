import type { ShownLineage } from '../app/index.ts';
import type { Check } from '../core/index.ts';
import type { Lineage, LineageEdge, LineageNode } from '../lineage/index.ts';
import { escapeText, excerpt } from './escape.ts';
import { findingLines, suggestionLines, worstFirst } from './findings.ts';
import { formatCount, formatTime } from './quantity.ts';
import type { Style } from './style.ts';
import { verdictWord } from './verdict-word.ts';

/** Lines of a tree that a person reads; programs read all of them. */
const MOST_LINES = 500;
const CHECK_MARKS = { passed: '✓', failed: '✗', skipped: '-', 'not-applicable': '-', 'could-not-run': '?' } as const;

/** What `mlsign lineage --json` prints: `schemas/lineage.schema.json`. */
export function lineageDocument({ verdict, model, direction, isVerified, policy, lineage, checks, findings }: ShownLineage): object {
  return {
    type: 'https://mlsign/lineage/v1',
    verified: isVerified,
    ...(isVerified ? { verdict } : {}),
    model,
    direction,
    ...(policy === undefined
      ? {}
      : { policy: { source: policy.source, ...(policy.digest === undefined ? {} : { sha256: policy.digest }), rule: policy.rule } }),
    ...(lineage === undefined ? {} : lineageGraph(lineage)),
    checks,
    findings,
  };
}

/** A graph as documents have it. */
export function lineageGraph({ root, nodes, edges }: Lineage): object {
  return { root, nodes: nodes.map(nodeDocument), edges: edges.map(edgeDocument) };
}

function nodeDocument({ id, modelId, name, uri, roles, depth, where, verdict, signers, time, provenance, findings }: LineageNode): object {
  return {
    id,
    ...(modelId === undefined ? {} : { model_id: modelId }),
    ...(name === undefined ? {} : { name }),
    ...(uri === undefined ? {} : { uri }),
    roles,
    depth,
    ...(where === undefined ? {} : { where }),
    verdict,
    signers,
    ...(time === undefined ? {} : { time: time.toISOString() }),
    provenance,
    findings,
  };
}

function edgeDocument({ from, to, role, relation, material }: LineageEdge): object {
  return { from, to, role, ...(relation === undefined ? {} : { relation }), digests: material.digests };
}

/** A lineage for people: a tree with the model at its root, what is wrong, what is missing, and what to do. */
export function lineageText(shown: ShownLineage, style: Style): string {
  const { verdict, model, isVerified, lineage, direction, checks, findings } = shown;
  const lines = [
    `${isVerified ? style.bold(verdictWord(verdict, style)) : style.attention('not verified')}  ${style.bold(escapeText(model))}`,
  ];
  if (lineage !== undefined) lines.push(...treeLines(lineage, direction, style));
  if (lineage !== undefined && lineage.nodes.length === 1) lines.push(style.dim(NOTHING[direction]));
  if (findings.length > 0) lines.push('findings', ...findingLines(worstFirst(findings), style));
  const width = Math.max(...checks.map(({ name }) => name.length));
  const line = ({ name, status, detail }: Check) => `  ${CHECK_MARKS[status]} ${name.padEnd(width)}  ${style.dim(escapeText(detail))}`;
  if (isVerified) lines.push('checks', ...checks.map(line));
  else lines.push(style.attention('nothing was verified: anyone could have written this (say whom to trust: --trust-key, --policy)'));
  const suggestions = isVerified && verdict !== 'verified' ? suggestionLines(findings) : [];
  if (suggestions.length > 0) lines.push('what to do', ...suggestions);
  return `${lines.join('\n')}\n`;
}

const NOTHING = {
  ancestors: 'there is no provenance: what it was made from is not stated (mlsign attest)',
  descendants: 'nothing there says that it was made from it',
} as const;

interface Branch {
  readonly edge?: LineageEdge;
  readonly id: string;
  readonly indent: string;
  readonly mark: string;
}

/** Each model once with what lies beneath it; where it is met again, a line that says so. */
export function treeLines(
  { root, nodes, edges, isVerified }: Lineage,
  direction: ShownLineage['direction'],
  style: Style,
): readonly string[] {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const next = Map.groupBy(edges, ({ from, to }) => (direction === 'ancestors' ? from : to));
  const shown = new Set<string>();
  const lines: string[] = [];
  const stack: Branch[] = [{ id: root, indent: '', mark: '' }];
  for (let branch = stack.pop(); branch !== undefined; branch = stack.pop()) {
    const { id, edge, indent, mark } = branch;
    if (lines.length === MOST_LINES) {
      lines.push(style.dim(`and more: ${formatCount(nodes.length - shown.size, 'part')} not shown here (--format json shows all)`));
      break;
    }
    const node = known.get(id);
    const children = next.get(id) ?? [];
    const isAgain = shown.has(id);
    lines.push(
      `${indent}${mark}${nodeLine(node, edge, isVerified, style)}${isAgain && children.length > 0 ? style.dim('  (see above)') : ''}`,
    );
    if (isAgain) continue;
    shown.add(id);
    const deeper = mark === '' ? indent : `${indent}${mark.startsWith('├') ? '│  ' : '   '}`;
    const branches = children.map((child, index) => ({
      edge: child,
      id: direction === 'ancestors' ? child.to : child.from,
      indent: deeper,
      mark: index === children.length - 1 ? '└─ ' : '├─ ',
    }));
    stack.push(...branches.toReversed().slice(-MOST_LINES));
  }
  return lines;
}

function nodeLine(node: LineageNode | undefined, edge: LineageEdge | undefined, isVerified: boolean, style: Style): string {
  const role = edge === undefined ? '' : roleWords(edge, edge.to === node?.id);
  if (node === undefined) return role;
  const { id, name, uri, verdict, signers, time, modelId, where, depth } = node;
  const words = [`${role}${style.bold(excerpt(name ?? uri ?? ''))}`.trimEnd(), shortId(id)];
  if (modelId === undefined) words.push(style.dim('bound by its digest'));
  else if (depth > 0 && where === undefined) words.push(style.attention('not found: what it was made from is not known'));
  else {
    words.push(verdict === 'not-checked' ? style.attention('not verified') : verdictWord(verdict, style));
    if (signers.length > 0) words.push(style.dim(`by ${excerpt(signers.join(', '))}`));
    if (time !== undefined) words.push(style.dim(`at ${formatTime(time)}`));
    if (edge?.from === id) return words.join('  ');
    if (node.provenance.length === 0) words.push(style.dim(isVerified ? 'no trusted provenance' : 'no provenance'));
  }
  return words.filter((word) => word !== '').join('  ');
}

function roleWords({ role, relation }: LineageEdge, isUp: boolean): string {
  const words = `${role}${relation === undefined ? '' : ` (${relation})`}`;
  return isUp ? `${words}  ` : `as ${words} of  `;
}

/** `3f2a…` of a model, `sha256:3f2a…` of anything else. */
export function shortId(id: string): string {
  const [kind = '', value = ''] = id.split(/:(.*)/s);
  const short = value.length > 12 ? `${value.slice(0, 12)}…` : value;
  return escapeText(kind === 'mlsignModel' ? short : `${kind}:${short}`);
}
