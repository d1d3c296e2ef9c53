import { coversSegments, isPlace } from './pattern.ts';

/** More than the rules of people need; what it may cost to look is bounded with it. */
const MOST_TRIED = 4096;
/** Stands for any text: no pattern has it. */
const ANY = '\u0001';

/** A pattern, and what it is compared by. */
interface Candidate {
  readonly text: string;
  readonly start: string;
  readonly segments: readonly string[];
}

/**
 * The patterns whose rule is chosen for no model, each with the patterns that take its every match (none where it can match nothing).
 * What no other pattern names is the widest that a `*` can stand for, so one location a number of directories decides; a `**` that
 * stands for more of them than another pattern has names changes nothing. One that it would take too long to tell of is left out.
 *
 * @param patterns in full, each once
 */
export function unreachable(patterns: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const all = patterns.map((text): Candidate => ({ text, start: startOf(text), segments: text.split('/') }));
  return new Map(
    all.flatMap((one) => {
      const shadows = shadowsOf(one, all);
      return shadows === undefined ? [] : [[one.text, shadows] as const];
    }),
  );
}

function shadowsOf({ text, start, segments }: Candidate, all: readonly Candidate[]): readonly string[] | undefined {
  const rivals = all.filter(
    (other) =>
      (start.startsWith(other.start) || other.start.startsWith(start)) && other.text !== text && !coversSegments(other.segments, segments),
  );
  const most = 1 + Math.max(1, ...rivals.map((other) => other.segments.length));
  const shadows = new Set<string>();
  let tried = 0;
  for (const counts of countsOf(segments.filter((segment) => segment === '**').length, most)) {
    if (++tried > MOST_TRIED) return undefined;
    const location = fill(segments, counts);
    if (!isPlace(location)) continue;
    const rival = rivals.find((other) => coversSegments(other.segments, location));
    if (rival === undefined) return undefined;
    shadows.add(rival.text);
  }
  return [...shadows];
}

/** What every location begins with that a pattern matches. */
function startOf(pattern: string): string {
  const at = pattern.indexOf('*');
  return at === -1 ? pattern : pattern.slice(0, at).replace(/\/$/, '');
}

/** Every way to give each of some `**` a number of directories, the largest first: few rules take those. */
function* countsOf(length: number, most: number): Generator<readonly number[]> {
  const counts = Array.from({ length }, () => most);
  for (;;) {
    yield counts;
    const last = counts.findLastIndex((count) => count > 0);
    if (last === -1) return;
    counts[last] = (counts[last] ?? 0) - 1;
    counts.fill(most, last + 1);
  }
}

function fill(segments: readonly string[], counts: readonly number[]): readonly string[] {
  let next = 0;
  return segments.flatMap((segment) =>
    segment === '**' ? Array.from({ length: counts[next++] ?? 0 }, () => ANY) : [segment.replaceAll('*', ANY)],
  );
}
