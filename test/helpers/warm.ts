import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';

/** What a warm process is told to run. */
export interface WarmOrder {
  readonly args: readonly string[];
  readonly cwd: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** How that ended. */
export interface WarmAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const PROGRAM = join(import.meta.dirname, 'warm-command.ts');
const BUILT = join(import.meta.dirname, '..', '..', 'oclif.manifest.json');

/** A process that keeps the built command line loaded, and runs it as often as it is asked: most of a short run is loading. */
export class WarmProcess {
  readonly #child: ChildProcess;
  readonly #built = timeOfBuild();
  #isBusy = true;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(env: NodeJS.ProcessEnv): Promise<WarmProcess> {
    const child = fork(PROGRAM, { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const warm = new WarmProcess(child);
    await warm.#heard();
    return warm;
  }

  /** Whether it can be of use again: it is alive, and what it has loaded is what is built. */
  get isFresh(): boolean {
    return this.#child.connected && this.#built === timeOfBuild();
  }

  /** Takes it for one run; false while somebody else has it. */
  claim(): boolean {
    const isFree = !this.#isBusy;
    this.#isBusy = true;
    return isFree;
  }

  /** Runs a command line, once it is claimed. */
  async run(order: WarmOrder): Promise<WarmAnswer> {
    this.#hold(true);
    this.#child.send(order);
    return (await this.#heard()) as WarmAnswer;
  }

  stop(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  async #heard(): Promise<unknown> {
    const waiting = new AbortController();
    const gone = once(this.#child, 'exit', waiting).then(([code, signal]) => {
      throw new Error(`the command ended its process: ${code ?? signal}`);
    });
    try {
      const [message] = await Promise.race([once(this.#child, 'message', waiting), gone]);
      return message;
    } finally {
      waiting.abort();
      gone.catch(() => undefined);
      this.#isBusy = false;
      this.#hold(false);
    }
  }

  /** An idle one keeps nobody from ending. */
  #hold(isHeld: boolean): void {
    for (const each of [this.#child, this.#child.channel]) isHeld ? each?.ref() : each?.unref();
  }
}

function timeOfBuild(): number {
  return statSync(BUILT).mtimeMs;
}
