import type { PickleImport } from './inspection.ts';

/** What stands on the stack, as far as it can matter to an import or to the length of what follows. */
export type PickleValue = string | number | typeof MARK | typeof OTHER | PickleImport | PickleTuple | PickleDict | PickleInstance;
export type PickleTuple = readonly PickleValue[];
export type PickleDict = Map<string, PickleValue>;

/** What calling a class or function gave. */
export class PickleInstance {
  readonly made: PickleImport;
  readonly args: PickleValue;
  state: PickleValue = OTHER;

  constructor(made: PickleImport, args: PickleValue) {
    this.made = made;
    this.args = args;
  }
}

export const MARK: unique symbol = Symbol('mark');
export const OTHER: unique symbol = Symbol('other');
/** An import whose names cannot be told. */
export const UNKNOWN_IMPORT: PickleImport = { module: '?', name: '?' };
/** One by its number in copyreg's registry, which only the loader's program knows. */
export const REGISTERED_IMPORT: PickleImport = { module: 'copyreg', name: '?' };

/** Whether a value is an import. */
export function isImport(value: PickleValue | undefined): value is PickleImport {
  return typeof value === 'object' && 'module' in value;
}
