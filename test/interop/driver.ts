import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Reference } from './reference.ts';

/** How a model is hashed, in the words of `driver.py`. */
export interface Hashing {
  readonly method?: 'files' | 'shards';
  readonly algorithm?: 'sha256' | 'blake2b' | 'blake3';
  readonly shard_size?: number;
  readonly allow_symlinks?: boolean;
  /** Relative to the model; releases before 1.1 take them relative to the working directory. */
  readonly ignore_paths?: readonly string[];
  readonly ignore_git_paths?: boolean;
  /** Digests of shards named as OMS §6.3.2 says, which the reference by itself does not. */
  readonly specified?: boolean;
}

/** What the reference signs. */
export interface SignRequest extends Hashing {
  readonly model: string;
  readonly signature: string;
  readonly key: string;
  readonly certificate?: string | undefined;
  readonly chain?: readonly string[] | undefined;
}

/** What the reference verifies, against a public key or root certificates. */
export interface VerifyRequest extends Hashing {
  readonly model: string;
  readonly signature: string;
  readonly key?: string;
  readonly roots?: readonly string[];
  readonly ignore_unsigned?: boolean;
  /** Take the way of hashing from the bundle. */
  readonly guess?: boolean;
}

/** What came of a request; `error` is the type and message of the Python exception. */
export type Answer = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: string };

/** One long-lived process of the reference implementation. */
export class Driver {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(reference: Reference, cwd?: string) {
    const env = { ...process.env, PYTHONUTF8: '1', PYTHONDONTWRITEBYTECODE: '1', PYTHONWARNINGS: 'ignore' };
    this.#child = spawn(reference.python, [join(import.meta.dirname, 'driver.py')], { cwd, env, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  sign(request: SignRequest): Promise<Answer> {
    return this.#ask({ op: 'sign', ...request });
  }

  verify(request: VerifyRequest): Promise<Answer> {
    return this.#ask({ op: 'verify', ...request });
  }

  /** Makes the certificate sets and keys of `certificates.py` under a folder. */
  certificates(folder: string): Promise<Answer> {
    return this.#ask({ op: 'certificates', folder });
  }

  versions(): Promise<Answer> {
    return this.#ask({ op: 'versions' });
  }

  /** Ends the process and waits for it. */
  async close(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await exited;
  }

  async #ask(request: object): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const { done, value } = await this.#lines.next();
    if (done) throw new Error('the reference implementation ended without an answer');
    return JSON.parse(value);
  }
}
