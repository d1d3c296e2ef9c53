import { spawnSync } from 'node:child_process';

/** A command line to measure. */
export interface CommandLine {
  /** How it is written in the table. */
  readonly label: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Exit code of a run that went well; 0 unless given. */
  readonly status?: number;
}

/** Two commands that did the same work, in turns. */
export interface Comparison {
  /** The median over the rounds of how many times as fast ours was. */
  readonly ratio: number;
  /** Median seconds. */
  readonly ours: number;
  readonly theirs: number;
}

/** Linux counts into `maxRSS` what the parent had at the fork, so the process's own high-water mark is read where there is one. */
const TELL_PEAK = `import { existsSync, readFileSync } from 'node:fs';
process.on('exit', () => {
  const status = existsSync('/proc/self/status') ? readFileSync('/proc/self/status', 'utf8') : '';
  process.stderr.write('\\npeak ' + (/VmHWM:\\s*(\\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS));
});`;

/** Runs two commands in turns, after one round that does not count, so that both meet the same machine and a warm cache. */
export function compare(ours: CommandLine, theirs: CommandLine, rounds: number): Comparison {
  const times = Array.from({ length: rounds + 1 }, () => ({ ours: seconds(ours), theirs: seconds(theirs) })).slice(1);
  return {
    ratio: median(times.map((time) => time.theirs / time.ours)),
    ours: median(times.map((time) => time.ours)),
    theirs: median(times.map((time) => time.theirs)),
  };
}

/** Peak resident memory of a Node script, in MiB, as the system tells it at the end. */
export function peakMemory({ args: [script = '', ...args], ...how }: CommandLine): number {
  const preload = `data:text/javascript,${encodeURIComponent(TELL_PEAK)}`;
  const stderr = run({ ...how, command: process.execPath, args: ['--import', preload, script, ...args] });
  return Number(/peak (\d+)/.exec(stderr)?.[1]) / 1024;
}

/** The first line that a command prints, or undefined where there is no such command. */
export function firstLine(command: string, ...args: readonly string[]): string | undefined {
  const { stdout, status } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.split('\n')[0]?.trim() : undefined;
}

/** Runs a command that must go well, and gives what it wrote to standard error. */
export function run({ label, command, args, status: expected = 0 }: CommandLine): string {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (error !== undefined) throw error;
  if (status !== expected) throw new Error(`${label} failed with ${status}:\n${stderr}`);
  return stderr;
}

function seconds(commandLine: CommandLine): number {
  const start = performance.now();
  run(commandLine);
  return (performance.now() - start) / 1000;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}
