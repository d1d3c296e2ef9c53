import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Sandbox } from './sandbox.ts';

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

/** Runs the built `bin/run.js` as a user would, away from a terminal and from the caller's own settings. */
export async function mlsign(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const { PATH, HOME, USERPROFILE, SystemRoot, TEMP, TMPDIR } = process.env;
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd: options.cwd,
    env: { PATH, HOME, USERPROFILE, SystemRoot, TEMP, TMPDIR, ...ownFolders(), ...options.env },
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
