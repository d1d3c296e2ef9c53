import type { Finding } from '../core/index.ts';
import type { LineageEdge } from './graph.ts';

/** Hostile statements may make any number of them; the first ones say enough. */
const MOST_CYCLES = 10;

/**
 * Circles among edges. Nothing can be made from what was made from it: a model id is a digest, so one of the statements on
 * such a circle is false.
 *
 * @param nameOf what a node is called, for people
 */
export function findCycles(root: string, edges: readonly LineageEdge[], nameOf: (id: string) => string | undefined): readonly Finding[] {
  const parents = new Map<string, string[]>();
  for (const { from, to } of edges) {
    const known = parents.get(from);
    if (known === undefined) parents.set(from, [to]);
    else known.push(to);
  }
  const findings: Finding[] = [];
  const done = new Set<string>();
  const path: string[] = [root];
  const onPath = new Set(path);
  // By hand, because a path may be longer than the stack of calls.
  const queues = [(parents.get(root) ?? []).values()];
  while (findings.length < MOST_CYCLES) {
    const queue = queues.at(-1);
    if (queue === undefined) break;
    const { value: next } = queue.next();
    if (next === undefined) {
      queues.pop();
      const left = path.pop();
      if (left !== undefined) {
        onPath.delete(left);
        done.add(left);
      }
    } else if (onPath.has(next)) {
      findings.push(
        cycle(
          [...path.slice(path.indexOf(next)), next].map((id) => nameOf(id) ?? shortId(id)),
          next,
        ),
      );
    } else if (!done.has(next)) {
      path.push(next);
      onPath.add(next);
      queues.push((parents.get(next) ?? []).values());
    }
  }
  return findings;
}

function shortId(id: string): string {
  return id.replace(/^([^:]*:)(.{12}).+$/, '$1$2…');
}

function cycle(names: readonly string[], subject: string): Finding {
  const shown = names.length > 8 ? [...names.slice(0, 4), '…', ...names.slice(-3)] : names;
  return {
    code: 'lineage-cycle',
    severity: 'rejected',
    message: 'the provenance leads in a circle: nothing is made from what was made from it',
    subject,
    got: shown.join(' ← '),
    suggestion: 'find out who signed these statements: one of them at least is false',
  };
}
