import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { systemErrorCode } from '../core/index.ts';

const OWNER = /^(\d+)-(\w+)-([0-9a-f]{12})-[0-9a-f]{12}\./;
/** Of fields of `/proc/<pid>/stat` behind the command's name, in parentheses: the start of the process. */
const START_FIELD = 19;

/**
 * A name for a file of this process's own: no other has it, and whoever finds it can tell whether its owner still runs. A
 * process is known by its number and its start, where the numbers are those of one kernel and name space.
 */
export function ownedName(ending: string): string {
  return `${process.pid}-${startOf(process.pid) ?? 'x'}-${place()}-${randomBytes(6).toString('hex')}.${ending}`;
}

/** Whether the process that gave a name still runs; `unknown` where it ran on another machine or in another container. */
export function ownerState(name: string): 'alive' | 'dead' | 'unknown' {
  const [, pid, start, where] = OWNER.exec(name) ?? [];
  if (where !== place()) return 'unknown';
  if (!exists(Number(pid))) return 'dead';
  const now = startOf(Number(pid));
  return now === undefined || now === start ? 'alive' : 'dead';
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}

/** When a process started, in ticks since the kernel did; undefined where no file tells. */
function startOf(pid: number): string | undefined {
  const text = fileText(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[START_FIELD];
}

let known: string | undefined;

/** Where process numbers mean what they mean here. */
function place(): string {
  known ??= createHash('sha256')
    .update(`${hostname()}\n${fileText('/proc/sys/kernel/random/boot_id') ?? ''}\n${namespace()}`)
    .digest('hex')
    .slice(0, 12);
  return known;
}

function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function fileText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
