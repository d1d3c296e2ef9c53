import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { constants, homedir, setPriority } from 'node:os';
import { join } from 'node:path';

/** The folder that outlives checkouts: `MLSIGN_CACHE`, or `~/.cache/mlsign`. */
export function cacheFolder(): string {
  return process.env.MLSIGN_CACHE ?? join(homedir(), '.cache', 'mlsign');
}

/** Whether {@link markComplete} was reached for a folder. */
export function isComplete(folder: string): boolean {
  return existsSync(join(folder, 'complete'));
}

/** Says that everything is in a folder: the last thing that is written into it. */
export async function markComplete(folder: string, text: string): Promise<void> {
  const marker = join(folder, `complete.${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  await writeFile(marker, `${text}\n`);
  await rename(marker, join(folder, 'complete'));
}

/**
 * Runs one step of an installation, at low priority.
 *
 * @throws Error `cannot <what>` with the end of what the command said
 */
export function runStep(command: string, args: readonly string[], what: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { env, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else {
        const said = `${stdout}\n${stderr}`.trim() || error.message;
        reject(new Error(`cannot ${what}:\n${said.split('\n').slice(-10).join('\n')}`, { cause: error }));
      }
    });
    try {
      if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    } catch {
      // It has ended already, or this system has no priorities: only a courtesy to whatever else runs.
    }
  });
}
