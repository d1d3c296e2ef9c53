import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, isComplete, markComplete, runStep } from './cache.ts';

const run = promisify(execFile);

/** What goes into a virtual environment. */
export interface Environment {
  /** A name for people, with the version; the folder is keyed by every pinned version besides. */
  readonly name: string;
  /** A file of pinned requirements. */
  readonly requirements: string;
  /** Further packages, pinned. */
  readonly packages?: readonly string[];
}

/**
 * Makes a virtual environment with packages from PyPI in the cache folder, once.
 *
 * @returns the path of its interpreter
 * @throws Error in words when there is no Python 3 or an installation fails
 */
export async function installEnvironment({ name, requirements, packages = [] }: Environment): Promise<string> {
  const python = await findPython();
  const key = createHash('sha256')
    .update([python.version, ...packages, await readFile(requirements, 'utf8')].join('\n'))
    .digest('hex')
    .slice(0, 12);
  const home = join(cacheFolder(), `${name}-${key}`);
  const interpreter = pythonOf(home);
  if (isComplete(home)) return interpreter;

  // A virtual environment names its own folder in its scripts, so it is made where it will stay.
  await rm(home, { recursive: true, force: true });
  await runStep(python.command, ['-m', 'venv', home], 'make a virtual environment (on Debian: apt-get install python3-venv)');
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements, ...packages];
  await runStep(interpreter, pip, `install ${name} from PyPI`);
  await markComplete(home, name);
  return interpreter;
}

function pythonOf(home: string): string {
  return process.platform === 'win32' ? join(home, 'Scripts', 'python.exe') : join(home, 'bin', 'python');
}

async function findPython(): Promise<{ command: string; version: string }> {
  for (const command of ['python3', 'python']) {
    try {
      const { stdout } = await run(command, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']);
      const version = stdout.trim();
      const [major = 0, minor = 0] = version.split('.').map(Number);
      if (major === 3 && minor >= 10) return { command, version };
    } catch {
      // Not this name; the next one, or the error below.
    }
  }
  throw new Error('this needs Python 3.10 or later as python3 on the PATH, with its venv module');
}
