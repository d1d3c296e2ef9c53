import type { Lineage, LineageNode } from '../lineage/index.ts';
import { excerpt } from './escape.ts';
import { shortId } from './lineage.ts';

const COLOURS = { verified: 'darkgreen', rejected: 'red', undetermined: 'orange', 'not-checked': 'gray40' } as const;

/** A lineage for Graphviz. Whatever a name holds, it stays the text of one label. */
export function lineageDot({ nodes, edges }: Lineage): string {
  const names = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const lines = ['digraph lineage {', '  rankdir=BT;', '  node [shape=box, fontname="sans-serif"];'];
  for (const node of nodes) {
    const shape = node.modelId === undefined ? ', style=rounded' : '';
    lines.push(`  ${names.get(node.id)} [label=${labelOf(node)}, color=${COLOURS[node.verdict]}${shape}];`);
  }
  for (const { from, to, role, relation } of edges) {
    lines.push(`  ${names.get(from)} -> ${names.get(to)} [label=${quote(relation === undefined ? role : `${role} (${relation})`)}];`);
  }
  return `${lines.join('\n')}\n}\n`;
}

function labelOf({ id, name, uri, verdict }: LineageNode): string {
  // A real line break: what a name says of one is text.
  return [name ?? uri, shortId(id), verdict]
    .flatMap((line) => (line === undefined ? [] : [escapeQuoted(excerpt(line))]))
    .join('\\n')
    .replace(/^.*$/s, '"$&"');
}

function quote(text: string): string {
  return `"${escapeQuoted(text)}"`;
}

/** In a quoted string of DOT a backslash begins an escape, and a quote ends it. */
function escapeQuoted(text: string): string {
  return text.replace(/[\\"]/g, '\\$&');
}
