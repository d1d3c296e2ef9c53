import { Command, Flags, type Interfaces } from '@oclif/core';
import { interrupted, type MlsignError, type OnProgress, throwIfAborted } from '../core/index.ts';
import { asMlsignError, type EventSummary, errorText, jsonPieces, type Style } from '../report/index.ts';
import { refuseEmptyFlags } from './empty-flags.ts';
import { EventLog, refuseLogInside } from './event-log.ts';
import { EXIT } from './exit-codes.ts';
import { giveError } from './give-error.ts';
import { expectResultIn } from './output-file.ts';
import { onInterrupt, progressLine, styleFor, writeNote, writeResult } from './wiring.ts';

/** What a command found, in every form it may be asked for. */
export interface CommandReport {
  /** For `--json`: one document with a schema in `schemas/`. */
  readonly document: () => object;
  /** For people, on standard output. */
  readonly text: (style: Style) => string;
  /** What `--quiet` leaves of the text; nothing unless given. */
  readonly brief?: string;
  /** One line for standard error where the result is not good news and its text is not shown, or there is none. */
  readonly complaint?: string | undefined;
  /** Things the user should know beside the result; on standard error, not with `--quiet` or `--json`. */
  readonly warnings?: readonly string[];
  /** For the event log, of commands that have one. */
  readonly event?: EventSummary;
  readonly exitCode: number;
}

/** What a command hands to its use case. */
export interface Session {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

/** How results are given: the flags that every command has. */
export interface ResultFlags {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly 'no-color': boolean;
  readonly 'output-file'?: string | undefined;
}

/** A command: its flags, one use case, one report; the rest (signals, progress, errors, exit codes) is here. */
export abstract class BaseCommand extends Command {
  #events: EventLog | undefined;

  static override baseFlags = {
    quiet: Flags.boolean({ char: 'q', summary: 'Print nothing but errors and what was asked for.', helpGroup: 'RESULT' }),
    json: Flags.boolean({ summary: 'Print one JSON document (its schema is in schemas/).', helpGroup: 'RESULT' }),
    'no-color': Flags.boolean({ summary: 'Print without colour.', helpGroup: 'RESULT' }),
    'output-file': Flags.string({
      summary: 'Write the result to a file instead of standard output.',
      helpValue: 'FILE',
      helpGroup: 'RESULT',
    }),
  };

  protected override async parse<
    F extends Interfaces.OutputFlags<F>,
    B extends Interfaces.OutputFlags<B>,
    A extends Interfaces.OutputArgs<A>,
  >(options?: Interfaces.Input<F, B, A>, argv?: string[]): Promise<Interfaces.ParserOutput<F, B, A>> {
    const parsed = await super.parse(options, argv);
    refuseEmptyFlags(parsed.flags);
    this.#events = this.#openEventLog(parsed.flags, parsed.args);
    return parsed;
  }

  #openEventLog(flags: object, args: object): EventLog | undefined {
    if (!('event-log' in flags) || typeof flags['event-log'] !== 'string') return undefined;
    const named = Object.entries(args).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
    for (const [, path] of named) refuseLogInside(flags['event-log'], path);
    return EventLog.open(flags['event-log'], {
      command: this.id ?? 'mlsign',
      version: this.config.version,
      arguments: Object.fromEntries(named),
    });
  }

  /**
   * Runs the use case and gives its report as the flags ask.
   *
   * @param doing what progress is about
   */
  protected async perform(flags: ResultFlags, use: (session: Session) => Promise<CommandReport>, doing = 'hashing'): Promise<void> {
    expectResultIn(flags['output-file']);
    const controller = new AbortController();
    const progress = progressLine(doing);
    const stopListening = onInterrupt((code) => {
      process.exitCode = code;
      controller.abort(interrupted());
    });
    try {
      const report = await use({ signal: controller.signal, onProgress: flags.quiet ? () => undefined : progress.update });
      progress.clear();
      throwIfAborted(controller.signal);
      const unlogged = this.#log(report);
      await this.#give(report, flags);
      process.exitCode = report.exitCode;
      if (unlogged !== undefined) this.#tellUnlogged(unlogged, flags);
    } finally {
      progress.clear();
      // Once interrupted, a further signal must find someone who gives the same exit code.
      if (!controller.signal.aborted) stopListening();
    }
  }

  async #give(report: CommandReport, flags: ResultFlags): Promise<void> {
    const isFile = flags['output-file'] !== undefined;
    const style = styleFor('stdout', flags['no-color'] || isFile);
    const text = flags.json ? jsonPieces(report.document()) : flags.quiet ? (report.brief ?? '') : report.text(style);
    if (text !== '' || isFile) await writeResult(text, flags['output-file']);
    if ((flags.json || flags.quiet || isFile || text === '') && report.complaint !== undefined) writeNote(`${report.complaint}\n`);
    if (!flags.json && !flags.quiet) {
      const attention = styleFor('stderr', flags['no-color']).attention;
      for (const warning of report.warnings ?? []) writeNote(`${attention('warning')}: ${warning}\n`);
    }
  }

  /** The event of a command that came to its end; what keeps it from being written does not keep the result from the user. */
  #log({ event: summary, exitCode }: CommandReport): MlsignError | undefined {
    try {
      this.#events?.write({ exitCode, summary });
      return undefined;
    } catch (error) {
      return asMlsignError(error);
    }
  }

  /** The work is done, but not what was asked for: nobody may take it for a success. */
  #tellUnlogged(error: MlsignError, flags: ResultFlags): void {
    writeNote(errorText(error, styleFor('stderr', flags['no-color'])));
    if (process.exitCode === EXIT.done) process.exitCode = EXIT.undetermined;
  }

  protected override async catch(thrown: unknown): Promise<void> {
    const error = await giveError(thrown, this.argv, this.id);
    try {
      this.#events?.write({ exitCode: Number(process.exitCode), error });
    } catch (unlogged) {
      writeNote(errorText(asMlsignError(unlogged), styleFor('stderr', this.argv.includes('--no-color'))));
    }
  }
}
