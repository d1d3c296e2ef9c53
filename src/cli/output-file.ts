import { lstatSync, rmSync, statSync, truncateSync } from 'node:fs';
import { type FileData, writeFileAtomic } from '../core/index.ts';

const FLAG = '--output-file';

let expected: string | undefined;

/** The file that `--output-file` names, also where other arguments are wrong. */
export function outputFileOf(argv: readonly string[]): string | undefined {
  const end = argv.indexOf('--');
  const flags = end === -1 ? argv : argv.slice(0, end);
  const at = flags.findLastIndex((word) => word === FLAG || word.startsWith(`${FLAG}=`));
  const path = flags[at] === FLAG ? flags[at + 1] : flags[at]?.slice(FLAG.length + 1);
  return path === '' ? undefined : path;
}

/** From now on the file must get a result: where the process ends without one, an older one goes. */
export function expectResultIn(path: string | undefined): void {
  if (path === undefined) return;
  expected = path;
  process.off('exit', dropOlderResult).once('exit', dropOlderResult);
}

/** Writes a result whole to a file. */
export async function writeOutputFile(path: string, text: FileData): Promise<void> {
  await writeFileAtomic(path, text, { what: 'output file', overwrite: true });
  expected = undefined;
}

/** Synchronously, as the process is about to end. What is no file (a pipe, a device) holds no result. */
function dropOlderResult(): void {
  const path = expected;
  if (path === undefined) return;
  attempt(() => lstatSync(path).isFile() && rmSync(path));
  // What a link leads to, or what the directory does not let go.
  attempt(() => statSync(path).isFile() && truncateSync(path));
}

function attempt(step: () => unknown): void {
  try {
    step();
  } catch {
    // It is not there, or not ours to change: the exit code tells that there is no result.
  }
}
