import type { MlsignError } from '../core/index.ts';
import { asMlsignError, errorDocument, errorText, escapeText, jsonText } from '../report/index.ts';
import { exitCodeOf } from './exit-codes.ts';
import { expectResultIn, outputFileOf } from './output-file.ts';
import { oneLine, usageError } from './usage-error.ts';
import { isDebugging, styleFor, writeNote, writeResult } from './wiring.ts';

/** Commands whose file is no result that may be out of date: it stays where there is no new one. */
const KEEPS_FILE: readonly string[] = ['policy:init'];

/** Tells of what was thrown as the arguments ask (`--json`, `--output-file`, `--no-color`) and sets the exit code that goes with it. */
export async function giveError(thrown: unknown, argv: readonly string[], command = ''): Promise<MlsignError> {
  const isOclifs = isOclifError(thrown);
  if (!isOclifs && thrown instanceof Error && thrown.message.includes('See more help')) thrown.message = oneLine(thrown.message);
  const error = isOclifs ? usageError(thrown, command) : asMlsignError(thrown);
  // A signal has already said which it was: 130 or 143.
  if (error.outcome !== 'interrupted' || process.exitCode === undefined) process.exitCode = exitCodeOf(error.outcome);
  const file = KEEPS_FILE.includes(command) ? undefined : outputFileOf(argv);
  expectResultIn(file);
  const style = styleFor('stderr', argv.includes('--no-color'));
  const given = argv.includes('--json') ? writeResult(jsonText(errorDocument(error)), file) : Promise.resolve();
  const unwritten = await given.then(() => undefined, asMlsignError);
  for (const each of unwritten === undefined ? [error] : [error, unwritten]) writeNote(errorText(each, style));
  if (!isDebugging()) return error;
  const stack = String(error.cause instanceof Error ? error.cause.stack : error.stack);
  writeNote(`${stack.split('\n').map(escapeText).join('\n')}\n`);
  return error;
}

/** oclif's own errors are all about flags and arguments. */
function isOclifError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && 'oclif' in thrown;
}
