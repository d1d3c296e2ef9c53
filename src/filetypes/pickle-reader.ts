import { decodeUtf8, throwIfAborted } from '../core/index.ts';
import { ByteWindow } from './byte-window.ts';
import type { PickleImport } from './inspection.ts';
import { oneAtATime } from './one-at-a-time.ts';
import type { OpenFile } from './open-file.ts';
import { joblibArrayEnd } from './pickle-arrays.ts';
import { PickleMachine } from './pickle-machine.ts';
import { PICKLE_OPCODES, type PickleArgument, type PickleOpcode } from './pickle-opcodes.ts';

/** How the reading of one pickle ended: at `STOP`, at the end of the file, at a byte that is no opcode, or at a limit. */
export type PickleEnd = 'stop' | 'truncated' | 'broken' | 'limit';

/** What one pickle asks for. */
export interface PickleReading {
  readonly end: PickleEnd;
  /** Offset in the file after the last opcode that was read. */
  readonly offset: number;
  /** In the order in which they are asked for; each as often as it is, up to the limit. */
  readonly imports: readonly PickleImport[];
  /** Whether it called something before an unpickler fails. */
  readonly hasCalled: boolean;
  /** Whether it did so after an import whose names cannot be told. */
  readonly hasCalledUnknown: boolean;
  /** Whether it takes more from its stack than is there. */
  readonly hasFailed: boolean;
  /** Whether bytes of arrays stand between its opcodes, for joblib alone to read. */
  readonly hasArrays: boolean;
}

/** Who reads a pickle: any unpickler, or joblib's, which takes bytes of arrays from between the opcodes. */
export type Unpickler = 'any' | 'joblib';

const LIMITS = { opcodes: 40_000_000, readBytes: 512 * 1024 * 1024, imports: 1000, opcodesAtOnce: 100_000 };
/** Names of modules are far shorter; what is longer is not kept. */
const MAX_TEXT_BYTES = 256;
const MAX_LINE_BYTES = 2 * MAX_TEXT_BYTES + 2;
const NUMBERS: ReadonlySet<PickleOpcode> = new Set(['LONG1', 'BININT', 'EXT4']);

/** Where the argument of an opcode ends, from the opcode on; or how many bytes more are needed to tell, or a line to go past. */
type Span = { readonly start: number; readonly end: number } | { readonly need: number } | 'long-line' | 'broken';

/**
 * Reads one pickle by its opcodes (Lib/pickletools.py, protocols 0 to 5) and runs none of it: what it embeds is skipped, and
 * its stack and memo are followed as far as its imports need them.
 */
export function readPickle(file: OpenFile, start: number, by: Unpickler, signal?: AbortSignal): Promise<PickleReading> {
  return oneAtATime(file, () => readAlone(file, start, by, signal));
}

async function readAlone(file: OpenFile, start: number, by: Unpickler, signal?: AbortSignal): Promise<PickleReading> {
  const bytes = new ByteWindow(file, start);
  const imports = new Map<string, PickleImport>();
  const machine = new PickleMachine((found) => {
    if (imports.size < LIMITS.imports) imports.set(`${found.module} ${found.name}`, found);
    else machine.stop();
  });
  let hasArrays = false;
  const skipArray =
    by === 'any'
      ? undefined
      : async (): Promise<number | undefined> => {
          hasArrays = true;
          return joblibArrayEnd(machine.built, bytes);
        };
  const end = await walk(bytes, machine, skipArray, signal);
  const { hasCalled, hasCalledUnknown, hasFailed } = machine;
  return {
    end,
    offset: Math.min(bytes.offset, bytes.end),
    imports: [...imports.values()],
    hasCalled,
    hasCalledUnknown,
    hasFailed,
    hasArrays,
  };
}

async function walk(
  bytes: ByteWindow,
  machine: PickleMachine,
  skipArray: (() => Promise<number | undefined>) | undefined,
  signal: AbortSignal | undefined,
): Promise<PickleEnd> {
  let opcodes = 0;
  for (;;) {
    throwIfAborted(signal);
    if (machine.isFull || opcodes > LIMITS.opcodes || bytes.read > LIMITS.readBytes) return 'limit';
    const stopped = runAhead(bytes, machine);
    opcodes += stopped.opcodes;
    switch (stopped.why) {
      case 'more':
        break;
      case 'need':
        if (await bytes.fill(stopped.need)) break;
        runCut(bytes.ahead, machine);
        return 'truncated';
      case 'long-line':
        if (!(await skipLines(bytes, machine))) return 'truncated';
        break;
      case 'array': {
        if (skipArray === undefined) break;
        const end = await skipArray();
        if (end === undefined) return 'limit';
        if (end > bytes.end) return 'truncated';
        bytes.offset = end;
        break;
      }
      default:
        return stopped.why;
    }
  }
}

const IMPORTING: ReadonlySet<PickleOpcode> = new Set(['GLOBAL', 'STACK_GLOBAL', 'INST']);
const MAX_GLANCED_OPCODES = 1000;

/** Whether a whole file could be a pickle that imports something, as far as a look tells: `readPickle` knows. */
export function mayImport(bytes: Buffer): boolean {
  for (let at = 0, opcodes = 0; opcodes < MAX_GLANCED_OPCODES; opcodes++) {
    const form = PICKLE_OPCODES[bytes[at] ?? 0];
    if (form === undefined || form.name === 'STOP') return false;
    if (IMPORTING.has(form.name)) return true;
    const span = spanOf(bytes, at + 1, form.argument);
    if (span === 'long-line') return true;
    // No opcode, or one that the file ends in.
    if (span === 'broken' || 'need' in span || span.end >= bytes.length) return false;
    at = span.end;
  }
  return true;
}

type Stopped = { readonly opcodes: number; readonly need: number; readonly why: 'more' | 'need' | 'long-line' | 'array' | PickleEnd };

/** Runs as many opcodes as are in memory, without a pause. */
function runAhead(bytes: ByteWindow, machine: PickleMachine): Stopped {
  const ahead = bytes.ahead;
  const from = bytes.offset;
  let at = 0;
  const stop = (why: Stopped['why'], opcodes: number, need = 0): Stopped => {
    bytes.offset = from + at;
    return { why, opcodes, need };
  };
  for (let opcodes = 0; opcodes < LIMITS.opcodesAtOnce; opcodes++) {
    const byte = ahead[at];
    if (byte === undefined) return stop('need', opcodes, 1);
    const form = PICKLE_OPCODES[byte];
    if (form === undefined) return stop('broken', opcodes);
    const span = spanOf(ahead, at + 1, form.argument);
    if (span === 'broken' || span === 'long-line') return stop(span, opcodes);
    if ('need' in span) return stop('need', opcodes, span.need - at);
    const isLong = span.end - span.start > MAX_LINE_BYTES;
    if (!isLong && span.end > ahead.length) return stop('need', opcodes, span.end - at);
    if (from + span.end > bytes.end) return stop('truncated', opcodes);
    const text = isLong || typeof form.argument === 'number' ? undefined : textOf(ahead, span.start, span.end, form.argument);
    if (form.argument === 'two-lines' && ((text === undefined && !isLong) || isNoName(ahead.subarray(span.start, span.end))))
      machine.fail();
    machine.run(form.name, text, isLong ? 0 : numberOf(ahead, span.start, span.end, form.name));
    at = span.end;
    if (form.name === 'STOP') return stop('stop', opcodes);
    if (form.name === 'BUILD' && machine.built !== undefined && machine.built.made.module.startsWith('joblib.'))
      return stop('array', opcodes);
    if (at > ahead.length || machine.isFull) return stop('more', opcodes);
  }
  return stop('more', LIMITS.opcodesAtOnce);
}

/** Runs an opcode whose last line ends with the file: Python's own unpickler takes it, without the last byte, for the name. */
function runCut(ahead: Buffer, machine: PickleMachine): void {
  const form = PICKLE_OPCODES[ahead[0] ?? 0];
  if (form?.argument !== 'two-lines') return;
  const lines = ahead.subarray(1, -1);
  const text = decodeUtf8(lines);
  if (text === undefined || isNoName(lines)) machine.fail();
  machine.run(form.name, text, 0);
}

function spanOf(ahead: Buffer, at: number, argument: PickleArgument): Span {
  switch (argument) {
    case 'line':
    case 'two-lines': {
      let end = ahead.indexOf(10, at);
      if (argument === 'two-lines' && end !== -1) end = ahead.indexOf(10, end + 1);
      if (end !== -1) return end - at > MAX_LINE_BYTES ? 'long-line' : { start: at, end: end + 1 };
      return ahead.length - at > MAX_LINE_BYTES ? 'long-line' : { need: ahead.length + 1 };
    }
    case 'length-1':
      return ahead.length < at + 1 ? { need: at + 1 } : { start: at + 1, end: at + 1 + ahead.readUInt8(at) };
    case 'length-4':
      return ahead.length < at + 4 ? { need: at + 4 } : { start: at + 4, end: at + 4 + ahead.readUInt32LE(at) };
    case 'signed-4': {
      if (ahead.length < at + 4) return { need: at + 4 };
      const length = ahead.readInt32LE(at);
      return length < 0 ? 'broken' : { start: at + 4, end: at + 4 + length };
    }
    case 'length-8':
      return ahead.length < at + 8 ? { need: at + 8 } : { start: at + 8, end: at + 8 + Number(ahead.readBigUInt64LE(at)) };
    default:
      return ahead.length < at + argument ? { need: at + argument } : { start: at, end: at + argument };
  }
}

/** Text as the loader has it; undefined for what is no UTF-8, or long. */
function textOf(ahead: Buffer, start: number, end: number, argument: PickleArgument): string | undefined {
  const isLines = argument === 'line' || argument === 'two-lines';
  const length = end - start - (isLines ? 1 : 0);
  return length > (isLines ? MAX_LINE_BYTES : MAX_TEXT_BYTES) ? undefined : decodeUtf8(ahead.subarray(start, start + length));
}

function numberOf(ahead: Buffer, start: number, end: number, name: PickleOpcode): number {
  const length = end - start;
  if (length === 0 || length > 6) return 0;
  return NUMBERS.has(name) ? ahead.readIntLE(start, length) : ahead.readUIntLE(start, length);
}

/** Whether lines hold a control character, or a byte that UTF-8 never has (RFC 3629): nothing has such a name. */
function isNoName(lines: Buffer): boolean {
  return /[\0-\x09\x0b-\x1f\x7f\xc0\xc1\xf5-\xff]/.test(lines.toString('latin1'));
}

/** Goes past an opcode whose lines are longer than any name. */
async function skipLines(bytes: ByteWindow, machine: PickleMachine): Promise<boolean> {
  const form = PICKLE_OPCODES[bytes.ahead[0] ?? 0];
  if (form === undefined) return false;
  let lines = form.argument === 'two-lines' ? 2 : 1;
  bytes.offset++;
  while (lines > 0) {
    if (!(await bytes.fill(1))) {
      if (form.argument === 'two-lines') machine.run(form.name, undefined, 0);
      return false;
    }
    const end = bytes.ahead.indexOf(10);
    if (form.argument === 'two-lines' && isNoName(bytes.ahead.subarray(0, end === -1 ? undefined : end))) machine.fail();
    if (end !== -1) lines--;
    bytes.offset += end === -1 ? bytes.ahead.length : end + 1;
  }
  machine.run(form.name, undefined, 0);
  return true;
}
