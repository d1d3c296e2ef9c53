import { MARK, OTHER, type PickleValue } from './pickle-value.ts';

const MAX_STACK = 1_000_000;

/** The stack of an unpickler, which gives something even where a real one would be empty. */
export class PickleStack {
  readonly #values: PickleValue[] = [];
  /** Whether more was taken than was there: a real unpickler has failed. */
  hasFailed = false;
  /** Whether there is no room for more. */
  isFull = false;

  get size(): number {
    return this.#values.length;
  }

  push(value: PickleValue): void {
    if (this.#values.length < MAX_STACK) this.#values.push(value);
    else this.isFull = true;
  }

  top(): PickleValue {
    const value = this.#values.at(-1);
    if (value === undefined || value === MARK) this.hasFailed = true;
    return value ?? OTHER;
  }

  pop(): PickleValue {
    const value = this.#values.pop();
    if (value === undefined) this.hasFailed = true;
    return value ?? OTHER;
  }

  popMany(count: number): PickleValue[] {
    if (this.#values.length < count || this.#values.includes(MARK, this.#values.length - count)) this.hasFailed = true;
    return this.#values.splice(Math.max(0, this.#values.length - count));
  }

  popToMark(): PickleValue[] {
    const at = this.#values.lastIndexOf(MARK);
    if (at === -1) this.hasFailed = true;
    const items = this.#values.splice(at + 1);
    this.#values.pop();
    return items;
  }
}
