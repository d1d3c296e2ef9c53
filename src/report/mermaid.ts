import type { Lineage, LineageNode } from '../lineage/index.ts';
import { excerpt } from './escape.ts';
import { shortId } from './lineage.ts';

/** A lineage as a Mermaid flowchart, as Markdown pages show them. Whatever a name holds, it stays the text of one label. */
export function lineageMermaid({ nodes, edges }: Lineage): string {
  const names = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const lines = ['flowchart BT'];
  for (const node of nodes) lines.push(`  ${names.get(node.id)}${boxOf(node)}`);
  for (const { from, to, role, relation } of edges) {
    lines.push(`  ${names.get(from)} -- "${escapeLabel(relation === undefined ? role : `${role} (${relation})`)}" --> ${names.get(to)}`);
  }
  return `${lines.join('\n')}\n`;
}

function boxOf({ id, name, uri, verdict, modelId }: LineageNode): string {
  const label = [name ?? uri, shortId(id), verdict]
    .flatMap((line) => (line === undefined ? [] : [escapeLabel(excerpt(line))]))
    .join('<br>');
  return modelId === undefined ? `("${label}")` : `["${label}"]`;
}

/** Mermaid reads labels as Markdown and HTML: of what has a meaning anywhere there, the number stands. */
function escapeLabel(text: string): string {
  return text.replace(/[^\p{L}\p{N} .,/+@=_:()…-]/gu, (character) => `#${character.codePointAt(0)};`);
}
