/** How the argument of an opcode is written: so many bytes, bytes with their length before them, or lines of text. */
export type PickleArgument = 0 | 1 | 2 | 4 | 8 | 'length-1' | 'length-4' | 'signed-4' | 'length-8' | 'line' | 'two-lines';

const OPCODES = {
  MARK: ['(', 0],
  STOP: ['.', 0],
  POP: ['0', 0],
  POP_MARK: ['1', 0],
  DUP: ['2', 0],
  FLOAT: ['F', 'line'],
  INT: ['I', 'line'],
  BININT: ['J', 4],
  BININT1: ['K', 1],
  LONG: ['L', 'line'],
  BININT2: ['M', 2],
  NONE: ['N', 0],
  PERSID: ['P', 'line'],
  BINPERSID: ['Q', 0],
  REDUCE: ['R', 0],
  STRING: ['S', 'line'],
  BINSTRING: ['T', 'signed-4'],
  SHORT_BINSTRING: ['U', 'length-1'],
  UNICODE: ['V', 'line'],
  BINUNICODE: ['X', 'length-4'],
  APPEND: ['a', 0],
  BUILD: ['b', 0],
  GLOBAL: ['c', 'two-lines'],
  DICT: ['d', 0],
  EMPTY_DICT: ['}', 0],
  APPENDS: ['e', 0],
  GET: ['g', 'line'],
  BINGET: ['h', 1],
  INST: ['i', 'two-lines'],
  LONG_BINGET: ['j', 4],
  LIST: ['l', 0],
  EMPTY_LIST: [']', 0],
  OBJ: ['o', 0],
  PUT: ['p', 'line'],
  BINPUT: ['q', 1],
  LONG_BINPUT: ['r', 4],
  SETITEM: ['s', 0],
  TUPLE: ['t', 0],
  EMPTY_TUPLE: [')', 0],
  SETITEMS: ['u', 0],
  BINFLOAT: ['G', 8],
  PROTO: ['\x80', 1],
  NEWOBJ: ['\x81', 0],
  EXT1: ['\x82', 1],
  EXT2: ['\x83', 2],
  EXT4: ['\x84', 4],
  TUPLE1: ['\x85', 0],
  TUPLE2: ['\x86', 0],
  TUPLE3: ['\x87', 0],
  NEWTRUE: ['\x88', 0],
  NEWFALSE: ['\x89', 0],
  LONG1: ['\x8a', 'length-1'],
  LONG4: ['\x8b', 'signed-4'],
  BINBYTES: ['B', 'length-4'],
  SHORT_BINBYTES: ['C', 'length-1'],
  SHORT_BINUNICODE: ['\x8c', 'length-1'],
  BINUNICODE8: ['\x8d', 'length-8'],
  BINBYTES8: ['\x8e', 'length-8'],
  EMPTY_SET: ['\x8f', 0],
  ADDITEMS: ['\x90', 0],
  FROZENSET: ['\x91', 0],
  NEWOBJ_EX: ['\x92', 0],
  STACK_GLOBAL: ['\x93', 0],
  MEMOIZE: ['\x94', 0],
  FRAME: ['\x95', 8],
  BYTEARRAY8: ['\x96', 'length-8'],
  NEXT_BUFFER: ['\x97', 0],
  READONLY_BUFFER: ['\x98', 0],
} as const satisfies Readonly<Record<string, readonly [byte: string, argument: PickleArgument]>>;

/** The name of an opcode, as Python's `pickletools` has it. */
export type PickleOpcode = keyof typeof OPCODES;

/** What a byte means as an opcode. */
export interface OpcodeForm {
  readonly name: PickleOpcode;
  readonly argument: PickleArgument;
}

/** Every opcode of protocols 0 to 5 by its byte; undefined is where every unpickler stops. */
export const PICKLE_OPCODES: readonly (OpcodeForm | undefined)[] = tableOf(Object.entries(OPCODES));

function tableOf(entries: readonly [string, readonly [byte: string, argument: PickleArgument]][]): readonly (OpcodeForm | undefined)[] {
  const table = new Array<OpcodeForm | undefined>(256).fill(undefined);
  for (const [name, [byte, argument]] of entries) table[byte.charCodeAt(0)] = { name: name as PickleOpcode, argument };
  return table;
}
