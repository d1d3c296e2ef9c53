import type { PickleImport } from './inspection.ts';
import { PickleMemo } from './pickle-memo.ts';
import type { PickleOpcode } from './pickle-opcodes.ts';
import { PickleStack } from './pickle-stack.ts';
import { isImport, MARK, OTHER, PickleInstance, type PickleValue, REGISTERED_IMPORT, UNKNOWN_IMPORT } from './pickle-value.ts';

/** Beyond these, values are forgotten: an import that needs them is `?`. */
const HIGHEST_PROTOCOL = 5;
const MAX_KEPT = { compounds: 50_000, stackWithText: 65_536, items: 12 };

/**
 * The stack and memo of an unpickler, which knows strings and imports and makes nothing. It goes on where a real one would
 * fail, so that what it sees is at least what any unpickler does.
 */
export class PickleMachine {
  readonly #imported: (found: PickleImport) => void;
  readonly #stack = new PickleStack();
  readonly #memo = new PickleMemo();
  #compounds = 0;
  #hasUnknown = false;
  /** Whether something was called, or made, before it failed. */
  hasCalled = false;
  /** Whether something was called after an import whose names cannot be told. */
  hasCalledUnknown = false;
  /** What `BUILD` was last done to. */
  built: PickleInstance | undefined;

  constructor(imported: (found: PickleImport) => void) {
    this.#imported = imported;
  }

  /** Whether it took more from its stack or memo than was there: a real unpickler has failed. */
  get hasFailed(): boolean {
    return this.#stack.hasFailed;
  }

  /** Whether more is held than there is room for, or `stop` was called. */
  get isFull(): boolean {
    return this.#stack.isFull;
  }

  /** Notes what every unpickler fails at. */
  fail(): void {
    this.#stack.hasFailed = true;
  }

  /** Takes nothing more. */
  stop(): void {
    this.#stack.isFull = true;
  }

  /** Does what an opcode does. `text` is undefined where it is too long, or written so that Python may read it otherwise. */
  run(opcode: PickleOpcode, text: string | undefined, number: number): void {
    switch (opcode) {
      case 'MARK':
        this.#push(MARK);
        break;
      case 'POP':
        this.#stack.pop();
        break;
      case 'POP_MARK':
        this.#stack.popToMark();
        break;
      case 'DUP':
        this.#push(this.#stack.top());
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
        this.#stack.popToMark();
        this.#push(OTHER);
        break;
      case 'DICT': {
        const items = this.#stack.popToMark();
        this.#push(this.#hasRoom() ? new Map() : OTHER);
        this.#setItems(items);
        break;
      }
      case 'TUPLE':
        this.#pushTuple(this.#stack.popToMark());
        break;
      case 'TUPLE1':
        this.#pushTuple(this.#stack.popMany(1));
        break;
      case 'TUPLE2':
        this.#pushTuple(this.#stack.popMany(2));
        break;
      case 'TUPLE3':
        this.#pushTuple(this.#stack.popMany(3));
        break;
      case 'APPEND':
        this.#stack.pop();
        break;
      case 'APPENDS':
      case 'ADDITEMS':
        this.#stack.popToMark();
        break;
      case 'SETITEM':
        this.#setItems(this.#stack.popMany(2));
        break;
      case 'SETITEMS':
        this.#setItems(this.#stack.popToMark());
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
        this.#put(this.#memo.size);
        break;
      case 'EXT1':
      case 'EXT2':
      case 'EXT4':
        if (number <= 0) this.fail();
        this.#hasUnknown = true;
        this.#imported(REGISTERED_IMPORT);
        this.#push(REGISTERED_IMPORT);
        break;
      case 'GLOBAL':
        this.#push(this.#resolve(...linesOf(text)));
        break;
      case 'STACK_GLOBAL': {
        const [module = OTHER, name = OTHER] = this.#stack.popMany(2);
        this.#push(this.#resolve(module, name));
        break;
      }
      case 'INST': {
        const args = this.#stack.popToMark();
        this.#call(this.#resolve(...linesOf(text)), args);
        break;
      }
      case 'OBJ': {
        const [made = OTHER, ...args] = this.#stack.popToMark();
        this.#call(made, args);
        break;
      }
      case 'REDUCE':
      case 'NEWOBJ': {
        const [made = OTHER, args = OTHER] = this.#stack.popMany(2);
        this.#call(made, args);
        break;
      }
      case 'NEWOBJ_EX': {
        const [made = OTHER, args = OTHER] = this.#stack.popMany(3);
        this.#call(made, args);
        break;
      }
      case 'BUILD': {
        const state = this.#stack.pop();
        const instance = this.#stack.top();
        this.#called();
        this.built = instance instanceof PickleInstance ? instance : undefined;
        if (this.built !== undefined) this.built.state = state;
        break;
      }
      case 'PERSID':
        this.#push(OTHER);
        break;
      case 'BINPERSID':
        this.#stack.pop();
        this.#push(OTHER);
        break;
      case 'READONLY_BUFFER':
        this.#stack.top();
        break;
      case 'PROTO':
        if (number > HIGHEST_PROTOCOL) this.fail();
        break;
      case 'FRAME':
      case 'STOP':
        break;
    }
  }

  #push(value: PickleValue): void {
    this.#stack.push(value);
  }

  #pushText(text: string | undefined): void {
    this.#push(text !== undefined && this.#stack.size < MAX_KEPT.stackWithText ? text : OTHER);
  }

  #pushTuple(items: readonly PickleValue[]): void {
    this.#push(items.length <= MAX_KEPT.items && this.#hasRoom() ? items : OTHER);
  }

  #hasRoom(): boolean {
    return ++this.#compounds <= MAX_KEPT.compounds;
  }

  #setItems(items: readonly PickleValue[]): void {
    const dict = this.#stack.top();
    if (!(dict instanceof Map)) return;
    for (let i = 0; i + 1 < items.length && dict.size < MAX_KEPT.items; i += 2) {
      const [key, value = OTHER] = [items[i], items[i + 1]];
      if (typeof key === 'string') dict.set(key, value);
    }
  }

  #get(index: number | undefined): void {
    const value = this.#memo.get(index);
    if (value === undefined) this.fail();
    this.#push(value ?? OTHER);
  }

  #put(index: number | undefined): void {
    if (!this.#memo.put(index, this.#stack.top())) this.stop();
  }

  #resolve(module: PickleValue, name: PickleValue): PickleImport {
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
