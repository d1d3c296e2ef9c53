import { randomUUID } from 'node:crypto';
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { Flags } from '@oclif/core';
import { nameInside } from '../app/index.ts';
import { fileError, interrupted, type MlsignError, systemClock, systemErrorCode, unavailable, usage } from '../core/index.ts';
import { type EventEnd, eventDocument, jsonLine } from '../report/index.ts';
import { isStoreLocation } from '../store/index.ts';
import { whoRuns } from './wiring.ts';

const STDERR = 2;

/** Where a command that changes or judges something leaves an event of it. */
export const eventFlags = {
  'event-log': Flags.string({
    summary: 'Append one event (OCSF, a JSON line) to a file or named pipe when the command ends; - is standard error.',
    helpValue: 'FILE|-',
    helpGroup: 'RESULT',
    env: 'MLSIGN_EVENT_LOG',
  }),
};

/** Which command runs, on what. */
export interface LoggedRun {
  readonly command: string;
  readonly version: string;
  readonly arguments: Readonly<Record<string, string>>;
}

/** The one event of a run. Everything is synchronous: it must also be written when the process is about to end. */
export class EventLog {
  readonly #path: string;
  readonly #file: number;
  readonly #run: LoggedRun;
  readonly #started = systemClock();
  #isWritten = false;

  private constructor(path: string, file: number, run: LoggedRun) {
    this.#path = path;
    this.#file = file;
    this.#run = run;
  }

  /**
   * Opens the log before anything is done.
   *
   * @throws MlsignError `event-log-link`, and what {@link fileError} gives
   */
  static open(path: string, run: LoggedRun): EventLog {
    const log = new EventLog(path, path === '-' ? STDERR : openToAppend(path), run);
    // A second Ctrl-C ends the process at once, and so does a bug.
    process.once('exit', (code) => log.#writeLast(code));
    return log;
  }

  /** Whether the event is there, or could not be written. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  /**
   * Writes the event: one call of the system, so that the lines of several processes do not mix.
   *
   * @throws MlsignError what {@link fileError} gives
   */
  write(end: EventEnd): void {
    if (this.#isWritten) return;
    this.#isWritten = true;
    const context = { uid: randomUUID(), ...this.#run, ...whoRuns(), started: this.#started, ended: systemClock() };
    try {
      append(this.#file, this.#path, Buffer.from(jsonLine(eventDocument(context, end))));
    } catch (error) {
      throw fileError(error, 'write the event', this.#path);
    } finally {
      if (this.#file !== STDERR) closeSync(this.#file);
    }
  }

  #writeLast(exitCode: number): void {
    try {
      this.write({ exitCode, error: interrupted() });
    } catch {
      // The process ends, and with an exit code that tells of it.
    }
  }
}

function openToAppend(path: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  try {
    // Without waiting: a pipe that nobody reads would hold the command up for ever.
    return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
  } catch (error) {
    throw systemErrorCode(error) === 'ELOOP' ? isLink(path) : fileError(error, 'open the event log', path);
  }
}

/**
 * An event is appended to whatever the log is: no file of what a command is given may be it.
 *
 * @throws MlsignError `event-log-inside-model`
 */
export function refuseLogInside(log: string, given: string): void {
  if (log === '-' || isStoreLocation(given)) return;
  if (resolve(log) !== resolve(given) && nameInside({ kind: 'directory', path: given }, log) === undefined) return;
  throw usage('event-log-inside-model', 'the event log would be a file of the model', {
    subject: log,
    expected: `a place outside ${given}`,
    suggestions: ['write the log elsewhere'],
  });
}

/** Whoever may write in the directory could otherwise have any file appended to that the user of this process may write. */
function isLink(path: string): MlsignError {
  return unavailable('event-log-link', 'the event log is a symbolic link, and those are not followed', {
    subject: path,
    expected: 'a file, a named pipe or a device',
    suggestions: ['give the path that the link leads to, or - for standard error'],
  });
}

function append(file: number, path: string, line: Buffer): void {
  const stats = file === STDERR ? undefined : fstatSync(file);
  const isFile = stats?.isFile() === true;
  const isCut = isFile && stats.size > 0 && !endsWithLine(path, stats.size);
  const bytes = isCut ? Buffer.concat([Buffer.from('\n'), line]) : line;
  if (writeSync(file, bytes) < bytes.length) throw Object.assign(new Error('the line was cut'), { code: 'ENOSPC' });
  if (isFile) fsyncSync(file);
}

/** Whether the last line is whole: one that was cut, as by a full disk, must not spoil the next. */
function endsWithLine(path: string, size: number): boolean {
  const last = Buffer.alloc(1);
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    return readSync(file, last, 0, 1, size - 1) === 0 || last[0] === 0x0a;
  } catch {
    // It may be a file that its writers may not read.
    return true;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
