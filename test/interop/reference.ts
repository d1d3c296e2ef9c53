import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The release of the reference implementation that the suite runs against. */
export const CURRENT = '1.1.1';

/** Older releases, installed only to make fixtures. */
export const OLDER = ['1.0.1', '1.0.0', '0.3.1', '0.2.0'] as const;

/** An installed release of the Python reference implementation `model-signing`. */
export interface Reference {
  readonly version: string;
  /** Its Python interpreter. */
  readonly python: string;
}

/**
 * Installs a release of the reference implementation from PyPI into a virtual environment in the cache folder
 * (`MLSIGN_CACHE`, or `~/.cache/mlsign`), once: the folder is keyed by every pinned version, and appears by a rename.
 *
 * @throws Error in words when there is no Python 3 or an installation fails
 */
export async function installReference(version: string = CURRENT): Promise<Reference> {
  const requirements = join(import.meta.dirname, 'requirements', version === CURRENT ? 'current.txt' : 'older.txt');
  const python = await findPython();
  const key = createHash('sha256')
    .update(`${version}\n${python.version}\n${await readFile(requirements, 'utf8')}`)
    .digest('hex')
    .slice(0, 12);
  const cache = process.env.MLSIGN_CACHE ?? join(homedir(), '.cache', 'mlsign');
  const home = join(cache, `reference-${version}-${key}`);
  const installed: Reference = { version, python: pythonOf(home) };
  if (existsSync(join(home, 'complete'))) return installed;

  // A virtual environment names its own folder in its scripts, so it is made where it will stay; `complete` is written last.
  await mkdir(cache, { recursive: true });
  await rm(home, { recursive: true, force: true });
  await install([python.command, '-m', 'venv', home], 'make a virtual environment (on Debian: apt-get install python3-venv)');
  const pip = [installed.python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  await install([...pip, '--requirement', requirements, `model-signing==${version}`], `install model-signing ${version} from PyPI`);
  const marker = join(home, `complete.${randomUUID()}`);
  await writeFile(marker, `model-signing==${version}\n`);
  await rename(marker, join(home, 'complete'));
  return installed;
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
  throw new Error('the interoperability suite needs Python 3.10 or later as python3 on the PATH, with its venv module');
}

async function install([command, ...args]: readonly string[], what: string): Promise<void> {
  if (command === undefined) throw new Error('no command');
  try {
    await run(command, args, { maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    throw new Error(`cannot ${what}:\n${stderr.trim().split('\n').slice(-10).join('\n')}`, { cause: error });
  }
}
