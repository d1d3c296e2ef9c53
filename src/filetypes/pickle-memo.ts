import { OTHER, type PickleValue } from './pickle-value.ts';

/** Beyond these, numbers are kept by themselves: a pickle may skip as many as it likes. */
const MAX_INDEX = 4_000_000;
const MAX_SPARSE = 100_000;
/** Beyond this much text, strings are forgotten: an import that needs them is `?`. */
const MAX_TEXT = 16 * 1024 * 1024;

/** What a pickle put aside, by number. */
export class PickleMemo {
  readonly #values: PickleValue[] = [];
  readonly #sparse = new Map<number, PickleValue>();
  /** How many numbers are in use: the next one of MEMOIZE. */
  size = 0;
  #text = 0;
  /** Set by an index that Python may read otherwise: from then on nothing is known. */
  #isUnknown = false;

  /** A value; undefined where there is none. */
  get(index: number | undefined): PickleValue | undefined {
    if (index === undefined || this.#isUnknown) return OTHER;
    return index < MAX_INDEX ? this.#values[index] : this.#sparse.get(index);
  }

  /** False where there is no room. */
  put(index: number | undefined, value: PickleValue): boolean {
    if (index === undefined) {
      this.#isUnknown = true;
      return true;
    }
    const isSparse = index >= MAX_INDEX;
    if ((isSparse ? this.#sparse.get(index) : this.#values[index]) === undefined) this.size++;
    if (typeof value === 'string') this.#text += value.length + 24;
    const kept = typeof value === 'string' && this.#text > MAX_TEXT ? OTHER : value;
    if (isSparse) this.#sparse.set(index, kept);
    else this.#values[index] = kept;
    return this.#sparse.size <= MAX_SPARSE;
  }
}
