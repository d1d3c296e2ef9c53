import type { Mark } from './high-water.ts';

/** A signed document that replaces those before it: which one it is, and how long it is good for. */
export interface Life {
  readonly issued: Date;
  readonly expires: Date;
}

/** What is known of the row that a numbered document stands in. */
export interface SequenceQuestion<T extends Mark> {
  readonly document: Mark;
  /** What this client has seen. */
  readonly mark?: Mark | undefined;
  readonly minSequence?: number | undefined;
  /** Every document of the row with a good signature that was found; itself may be among them. */
  readonly history: readonly T[];
}

/** Why a numbered document is not the newest of its row. */
export type SequenceProblem<T extends Mark> =
  | { readonly kind: 'behind-history'; readonly newest: T }
  | { readonly kind: 'behind-mark'; readonly mark: Mark }
  | { readonly kind: 'below-minimum'; readonly minSequence: number }
  | { readonly kind: 'forked'; readonly by: 'mark' | 'history'; readonly other: string }
  | { readonly kind: 'jump'; readonly known: number };

/** How far the clocks of a signer and a client may be apart. */
const CLOCK_SKEW_MS = 5 * 60_000;
/** More documents than a row gets in years: a higher sequence burns numbers. */
export const LARGEST_JUMP = 10_000;
/** The last part of a life, in which it should be renewed. */
const LAST_PART = 1 / 5;

/** Whether a document counts: from five minutes before it was issued until it expires. */
export function stageOfLife({ issued, expires }: Life, now: Date): 'future' | 'good' | 'ending' | 'expired' {
  if (issued.getTime() > now.getTime() + CLOCK_SKEW_MS) return 'future';
  if (expires <= now) return 'expired';
  return expires.getTime() - now.getTime() < (expires.getTime() - issued.getTime()) * LAST_PART ? 'ending' : 'good';
}

/** The first thing that is wrong with a sequence: below what is asked for or was seen, one of two, or far ahead. */
export function sequenceProblem<T extends Mark>(question: SequenceQuestion<T>): SequenceProblem<T> | undefined {
  const { document, mark, minSequence = 0, history } = question;
  const { sequence, digest } = document;
  const others = history.filter((seen) => seen.digest !== digest);
  const newest = others.reduce<T | undefined>((best, next) => (next.sequence > (best?.sequence ?? 0) ? next : best), undefined);
  if (newest !== undefined && newest.sequence > sequence) return { kind: 'behind-history', newest };
  if (mark !== undefined && mark.sequence > sequence) return { kind: 'behind-mark', mark };
  if (sequence < minSequence) return { kind: 'below-minimum', minSequence };
  if (mark?.sequence === sequence && mark.digest !== digest) return { kind: 'forked', by: 'mark', other: mark.digest };
  const twin = others.find((seen) => seen.sequence === sequence);
  if (twin !== undefined) return { kind: 'forked', by: 'history', other: twin.digest };
  const known = Math.max(mark?.sequence ?? newest?.sequence ?? 0, minSequence);
  return sequence - known > LARGEST_JUMP ? { kind: 'jump', known } : undefined;
}
