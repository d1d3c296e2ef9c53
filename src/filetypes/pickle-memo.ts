import { OTHER, type PickleValue } from './pickle-value.ts';

const MAX_INDEX = 4_000_000;
/** Beyond this much text, strings are forgotten: an import that needs them is `?`. */
const MAX_TEXT = 16 * 1024 * 1024;

/** What a pickle put aside, by number. */
export class PickleMemo {
  readonly #values: PickleValue[] = [];
  /** How many numbers are in use: the next one of MEMOIZE. */
  size = 0;
  #text = 0;
  /** Set by an index that Python may read otherwise: from then on nothing is known. */
  #isUnknown = false;

  /** A value; undefined where there is none. */
  get(index: number | undefined): PickleValue | undefined {
    return index === undefined || this.#isUnknown ? OTHER : this.#values[index];
  }

  /** False where there is no room. */
  put(index: number | undefined, value: PickleValue): boolean {
    if (index === undefined || index >= MAX_INDEX) {
      this.#isUnknown = true;
      return index === undefined;
    }
    if (this.#values[index] === undefined) this.size++;
    if (typeof value === 'string') this.#text += value.length + 24;
    this.#values[index] = typeof value === 'string' && this.#text > MAX_TEXT ? OTHER : value;
    return true;
  }
}
