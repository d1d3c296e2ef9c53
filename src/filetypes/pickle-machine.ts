import type { PickleImport } from './inspection.ts';
import type { PickleOpcode } from './pickle-opcodes.ts';

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

const MAX_STACK = 1_000_000;
const MAX_MEMO = 4_000_000;
/** Beyond these, values are forgotten: an import that needs them is `?`. */
const MAX_KEPT = { compounds: 200_000, memoText: 32 * 1024 * 1024, stackWithText: 65_536, items: 32 };

/**
 * The stack and memo of an unpickler, which knows strings and imports and makes nothing. It goes on where a real one would
 * fail, so that what it sees is at least what any unpickler does.
 */
export class PickleMachine {
  readonly #imported: (found: PickleImport) => void;
  readonly #stack: PickleValue[] = [];
  readonly #memo: PickleValue[] = [];
  #memoized = 0;
  #memoText = 0;
  #compounds = 0;
  /** Set by an index that Python may read otherwise: from then on nothing is known of the memo. */
  #isMemoUnknown = false;
  #hasUnknown = false;
  /** Whether it took more from the stack than was there: a real unpickler has failed. */
  hasFailed = false;
  /** Whether something was called, or made, before it failed. */
  hasCalled = false;
  /** Whether something was called after an import whose names cannot be told. */
  hasCalledUnknown = false;
  /** Whether more is held than this machine has room for. */
  isFull = false;
  /** What `BUILD` was last done to. */
  built: PickleInstance | undefined;

  constructor(imported: (found: PickleImport) => void) {
    this.#imported = imported;
  }

  /** Does what an opcode does. `text` is undefined where it is too long, or written so that Python may read it otherwise. */
  run(opcode: PickleOpcode, text: string | undefined, number: number): void {
    switch (opcode) {
      case 'MARK':
        this.#push(MARK);
        break;
      case 'POP':
        this.#pop();
        break;
      case 'POP_MARK':
        this.#popToMark();
        break;
      case 'DUP':
        this.#push(this.#top());
        break;
      case 'STRING':
        this.#pushText(text === undefined || text.includes('\\') ? undefined : /^(['"])(.*)\1$/.exec(text.trim())?.[2]);
        break;
      case 'UNICODE':
        this.#pushText(text?.includes('\\') ? undefined : text);
        break;
      case 'BINSTRING':
      case 'SHORT_BINSTRING':
      case 'BINUNICODE':
      case 'SHORT_BINUNICODE':
      case 'BINUNICODE8':
        this.#pushText(text);
        break;
      case 'BININT':
      case 'BININT1':
      case 'BININT2':
      case 'LONG1':
        this.#push(number);
        break;
      case 'INT':
      case 'LONG': {
        const index = indexOf(text?.replace(/L$/, ''));
        this.#push(index ?? OTHER);
        break;
      }
      case 'FLOAT':
      case 'BINFLOAT':
      case 'NONE':
      case 'NEWTRUE':
      case 'NEWFALSE':
      case 'LONG4':
      case 'BINBYTES':
      case 'SHORT_BINBYTES':
      case 'BINBYTES8':
      case 'BYTEARRAY8':
      case 'NEXT_BUFFER':
      case 'EMPTY_LIST':
      case 'EMPTY_SET':
        this.#push(OTHER);
        break;
      case 'EMPTY_TUPLE':
        this.#push([]);
        break;
      case 'EMPTY_DICT':
        this.#push(this.#hasRoom() ? new Map() : OTHER);
        break;
      case 'LIST':
      case 'FROZENSET':
        this.#popToMark();
        this.#push(OTHER);
        break;
      case 'DICT': {
        const items = this.#popToMark();
        this.#push(this.#hasRoom() ? new Map() : OTHER);
        this.#setItems(items);
        break;
      }
      case 'TUPLE':
        this.#pushTuple(this.#popToMark());
        break;
      case 'TUPLE1':
        this.#pushTuple(this.#popMany(1));
        break;
      case 'TUPLE2':
        this.#pushTuple(this.#popMany(2));
        break;
      case 'TUPLE3':
        this.#pushTuple(this.#popMany(3));
        break;
      case 'APPEND':
        this.#pop();
        break;
      case 'APPENDS':
      case 'ADDITEMS':
        this.#popToMark();
        break;
      case 'SETITEM':
        this.#setItems(this.#popMany(2));
        break;
      case 'SETITEMS':
        this.#setItems(this.#popToMark());
        break;
      case 'GET':
        this.#get(indexOf(text));
        break;
      case 'BINGET':
      case 'LONG_BINGET':
        this.#get(number);
        break;
      case 'PUT':
        this.#put(indexOf(text));
        break;
      case 'BINPUT':
      case 'LONG_BINPUT':
        this.#put(number);
        break;
      case 'MEMOIZE':
        this.#put(this.#memoized);
        break;
      case 'EXT1':
      case 'EXT2':
      case 'EXT4':
        // A number of copyreg's registry, which only the loader's program knows.
        this.#import(OTHER, OTHER);
        this.#push(UNKNOWN_IMPORT);
        break;
      case 'GLOBAL':
        this.#push(this.#import(...linesOf(text)));
        break;
      case 'STACK_GLOBAL': {
        const [module = OTHER, name = OTHER] = this.#popMany(2);
        this.#push(this.#import(module, name));
        break;
      }
      case 'INST': {
        const args = this.#popToMark();
        this.#call(this.#import(...linesOf(text)), args);
        break;
      }
      case 'OBJ': {
        const [made = OTHER, ...args] = this.#popToMark();
        this.#call(made, args);
        break;
      }
      case 'REDUCE':
      case 'NEWOBJ': {
        const [made = OTHER, args = OTHER] = this.#popMany(2);
        this.#call(made, args);
        break;
      }
      case 'NEWOBJ_EX': {
        const [made = OTHER, args = OTHER] = this.#popMany(3);
        this.#call(made, args);
        break;
      }
      case 'BUILD': {
        const state = this.#pop();
        const instance = this.#top();
        this.#called();
        this.built = instance instanceof PickleInstance ? instance : undefined;
        if (this.built !== undefined) this.built.state = state;
        break;
      }
      case 'PERSID':
        this.#push(OTHER);
        break;
      case 'BINPERSID':
        this.#pop();
        this.#push(OTHER);
        break;
      case 'READONLY_BUFFER':
        this.#top();
        break;
      case 'PROTO':
      case 'FRAME':
      case 'STOP':
        break;
    }
  }

  #push(value: PickleValue): void {
    if (this.#stack.length < MAX_STACK) this.#stack.push(value);
    else this.isFull = true;
  }

  #pushText(text: string | undefined): void {
    this.#push(text !== undefined && this.#stack.length < MAX_KEPT.stackWithText ? text : OTHER);
  }

  #pushTuple(items: readonly PickleValue[]): void {
    this.#push(items.length <= MAX_KEPT.items && this.#hasRoom() ? items : OTHER);
  }

  #hasRoom(): boolean {
    return ++this.#compounds <= MAX_KEPT.compounds;
  }

  #top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) this.hasFailed = true;
    return value ?? OTHER;
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) this.hasFailed = true;
    return value ?? OTHER;
  }

  #popMany(count: number): PickleValue[] {
    if (this.#stack.length < count || this.#stack.includes(MARK, this.#stack.length - count)) this.hasFailed = true;
    return this.#stack.splice(Math.max(0, this.#stack.length - count));
  }

  #popToMark(): PickleValue[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at === -1) this.hasFailed = true;
    const items = this.#stack.splice(at + 1);
    this.#stack.pop();
    return items;
  }

  #setItems(items: readonly PickleValue[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map)) return;
    for (let i = 0; i + 1 < items.length && dict.size < MAX_KEPT.items; i += 2) {
      const [key, value = OTHER] = [items[i], items[i + 1]];
      if (typeof key === 'string') dict.set(key, value);
    }
  }

  #get(index: number | undefined): void {
    const value = index === undefined || this.#isMemoUnknown ? OTHER : this.#memo[index];
    if (value === undefined) this.hasFailed = true;
    this.#push(value ?? OTHER);
  }

  #put(index: number | undefined): void {
    if (index === undefined) {
      this.#isMemoUnknown = true;
      return;
    }
    if (index >= MAX_MEMO) {
      this.#isMemoUnknown = true;
      this.isFull = true;
      return;
    }
    const value = this.#top();
    if (this.#memo[index] === undefined) this.#memoized++;
    if (typeof value === 'string') this.#memoText += value.length + 24;
    this.#memo[index] = typeof value === 'string' && this.#memoText > MAX_KEPT.memoText ? OTHER : value;
  }

  #import(module: PickleValue, name: PickleValue): PickleImport {
    const isKnown = typeof module === 'string' && typeof name === 'string' && isName(module) && isName(name);
    const found = isKnown ? { module, name } : UNKNOWN_IMPORT;
    if (!isKnown) this.#hasUnknown = true;
    this.#imported(found);
    return found;
  }

  #call(made: PickleValue, args: PickleValue): void {
    this.#called();
    this.#push(isImport(made) && this.#hasRoom() ? new PickleInstance(made, args) : OTHER);
  }

  #called(): void {
    if (this.hasFailed) return;
    this.hasCalled = true;
    this.hasCalledUnknown ||= this.#hasUnknown;
  }
}

/** Whether a value is an import. */
export function isImport(value: PickleValue | undefined): value is PickleImport {
  return typeof value === 'object' && 'module' in value;
}

/** What can be shown and compared: printable, without white space. */
function isName(text: string): boolean {
  return /^[^\s\p{C}]+$/u.test(text);
}

function linesOf(text: string | undefined): [PickleValue, PickleValue] {
  const [module = OTHER, name = OTHER] = text?.split('\n') ?? [];
  return [module, name];
}

/** An index in decimal digits; Python's `int` reads more than that (`1_0`, ` +1`, other digits). */
function indexOf(text: string | undefined): number | undefined {
  return text !== undefined && /^(?:0|[1-9]\d{0,14})$/.test(text) ? Number(text) : undefined;
}
