import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Sandbox } from './sandbox.ts';
import { WarmProcess } from './warm.ts';

/** The command line as it is built. */
export const BIN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

/** How a run of the command line ended. */
export interface CliRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How the command line is run. */
export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Text for standard input, which is otherwise closed. */
  readonly input?: string;
  /** Called with the process id once it runs. */
  readonly onStart?: (pid: number) => void;
}

/** Signals a process once it has a file open, and so is at work; where that cannot be seen, after some seconds. */
export async function signalAtWork(pid: number, path: string, ...signals: readonly NodeJS.Signals[]): Promise<void> {
  if (process.platform !== 'linux') await sleep(2500);
  else while (!hasOpen(pid, path)) await sleep(20);
  for (const signal of signals) process.kill(pid, signal);
}

function hasOpen(pid: number, path: string): boolean {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).some((file) => {
    try {
      return readlinkSync(`${folder}/${file}`) === path;
    } catch {
      // Closed since.
      return false;
    }
  });
}

let folders: Readonly<Record<string, string>> | undefined;

/** Where runs of the command line remember and cache: for all of this process, and never the caller's own. Compiled code is kept from run to run. */
export function ownFolders(): Readonly<Record<string, string>> {
  if (folders === undefined) {
    const sandbox = new Sandbox();
    process.on('exit', () => sandbox.remove());
    folders = {
      XDG_STATE_HOME: sandbox.path('state'),
      XDG_CACHE_HOME: sandbox.path('cache'),
      NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/mlsign-compile', import.meta.url)),
    };
  }
  return folders;
}

/** What only a process of its own takes in: variables that Node reads as it starts, or once, and the SDK's profiles, which it keeps. */
const NEEDS_PROCESS = /^(NODE_|SSL_|UV_|DEBUG$|AWS_PROFILE$|\w*_PROXY$)/i;
/** The same of flags: profiles, and what is done as the process ends. */
const NEED_PROCESS = ['--profile', '--output-file', '--event-log'];

let warm: Promise<WarmProcess> | undefined;

/**
 * Runs the built command line as a user would, away from a terminal and from the caller's own settings: in a process that has
 * loaded it before, where that is idle and makes no difference; with MLSIGN_TEST_PROCESSES=1 always in one of its own.
 */
export async function mlsign(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const { cwd, env, input, onStart } = options;
  const isAlone =
    process.env.MLSIGN_TEST_PROCESSES === '1' ||
    input !== undefined ||
    onStart !== undefined ||
    Object.keys(env ?? {}).some((name) => NEEDS_PROCESS.test(name)) ||
    args.some((arg) => NEED_PROCESS.some((flag) => arg.startsWith(flag)));
  const idle = isAlone ? undefined : await idleProcess();
  if (idle === undefined) return mlsignProcess(args, options);
  return { signal: null, ...(await idle.run({ args, cwd, env: environment(env) })) };
}

/** The warm process, started anew where it is gone or out of date; none while it is at work for somebody else. */
async function idleProcess(): Promise<WarmProcess | undefined> {
  warm ??= WarmProcess.start({ ...process.env, ...ownFolders() });
  const running = await warm;
  if (!running.claim()) return undefined;
  if (running.isFresh) return running;
  running.stop();
  warm = undefined;
  return idleProcess();
}

function environment(env: CliOptions['env']): NodeJS.ProcessEnv {
  const { PATH, HOME, USERPROFILE, SystemRoot, TEMP, TMPDIR } = process.env;
  return { PATH, HOME, USERPROFILE, SystemRoot, TEMP, TMPDIR, ...ownFolders(), ...env };
}

/** Runs the built `bin/run.js` in a process of its own. */
export async function mlsignProcess(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: options.cwd,
    env: environment(options.env),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  if (child.pid !== undefined) options.onStart?.(child.pid);
  child.stdin.end(options.input ?? '');
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
