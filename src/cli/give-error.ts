import type { MlsignError } from '../core/index.ts';
import { errorDocument, errorText } from '../report/index.ts';
import { exitCodeOf } from './exit-codes.ts';
import { isDebugging, styleFor, writeNote, writeResult } from './wiring.ts';

/** Tells of an error as the arguments ask (`--json`, `--no-color`) and sets the exit code that goes with it. */
export async function giveError(error: MlsignError, argv: readonly string[]): Promise<void> {
  // A signal has already said which it was: 130 or 143.
  if (error.outcome !== 'interrupted' || process.exitCode === undefined) process.exitCode = exitCodeOf(error.outcome);
  if (argv.includes('--json')) await writeResult(`${JSON.stringify(errorDocument(error), null, 2)}\n`, undefined);
  writeNote(errorText(error, styleFor('stderr', argv.includes('--no-color'))));
  if (isDebugging()) writeNote(`${String(error.cause instanceof Error ? error.cause.stack : error.stack)}\n`);
}
