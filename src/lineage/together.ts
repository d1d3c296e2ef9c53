import type { Finding } from '../core/index.ts';
import type { ModelPlace } from './node.ts';

/** Copies of one model that are looked at: whoever may put models beside it can put any number. */
export const MOST_COPIES = 16;

/**
 * All places of one model as one: a copy that lacks a statement, which anybody could have made, hides none of the others'.
 *
 * @param count of the places there are, where these are not all
 */
export function together(places: readonly ModelPlace[], count: number = places.length): ModelPlace | undefined {
  const [first, ...others] = places;
  if (first === undefined || (others.length === 0 && count === 1)) return first;
  return {
    where: first.where,
    signatures: async (findings) => (await Promise.all(places.map((place) => place.signatures(findings)))).flat(),
    attestations: async (findings) => {
      if (count > places.length) findings.push(tooMany(first.where, places.length, count));
      return (await Promise.all(places.map((place) => place.attestations(findings)))).flat();
    },
  };
}

function tooMany(subject: string, looked: number, count: number): Finding {
  return {
    code: 'too-many-copies',
    severity: 'undetermined',
    message: `of the copies of this model only ${looked} were looked at`,
    subject,
    expected: `at most ${MOST_COPIES}`,
    got: String(count),
    suggestion: 'remove those that are of no use, or search fewer places',
  };
}
