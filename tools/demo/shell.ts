import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const BIN = join(import.meta.dirname, '../../bin/run.js');
const isTerminal = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

/** What a command left behind. */
export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function title(text: string): void {
  say(bold(isTerminal ? text : `# ${text}`));
}

export function say(text: string): void {
  process.stdout.write(`${text}\n\n`);
}

export function bold(text: string): string {
  return isTerminal ? `\x1b[1m${text}\x1b[0m` : text;
}

export function dim(text: string): string {
  return isTerminal ? `\x1b[2m${text}\x1b[0m` : text;
}

/** Runs mlsign in a folder as a pipeline does, and remembers there what it has seen of channels and lists. */
export class Shell {
  /** Where it is remembered what was seen. */
  readonly state: string;
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(folder: string) {
    this.#folder = folder;
    this.state = join(folder, '.state');
    this.#env = { ...process.env, XDG_STATE_HOME: this.state };
    // `npm run demo | head` is no failure.
    process.stdout.on('error', () => process.exit());
  }

  /** Shows a command as one types it, runs it before everybody's eyes, and ends the demo where it does not end as expected. */
  mlsign(expected: number, ...args: readonly string[]): void {
    process.stdout.write(`${dim('$')} mlsign ${args.map(quoted).join(' ')}\n`);
    const { status } = this.#spawn(args, 'inherit');
    if (status !== expected) fail(`mlsign ${args[0]} ended with ${status}, not ${expected}`);
    process.stdout.write('\n');
  }

  /** Runs a command that nobody needs to see, and that must succeed. */
  quietly(...args: readonly string[]): void {
    const { status, stdout, stderr } = this.run(...args);
    if (status !== 0) fail(`mlsign ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  }

  run(...args: readonly string[]): Run {
    return this.#spawn(args, 'pipe');
  }

  #spawn(args: readonly string[], output: 'inherit' | 'pipe'): Run {
    const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
      cwd: this.#folder,
      env: this.#env,
      stdio: ['ignore', output, output],
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    return { status, stdout, stderr };
  }
}

function fail(message: string): never {
  process.stderr.write(`demo: ${message}\n`);
  process.exit(1);
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument}'`;
}
