/**
 * How a failed operation ends: `refused` input (exit 1), wrong `usage` (2), something `unavailable` that the operation
 * needs (3), a `bug` in mlsign (70), `interrupted` by the user (130).
 */
export type ErrorOutcome = 'refused' | 'usage' | 'unavailable' | 'bug' | 'interrupted';

/** What an error says besides its message. */
export interface ErrorDetails {
  /** The file, flag or field that it is about. */
  readonly subject?: string | undefined;
  readonly expected?: string | undefined;
  readonly got?: string | undefined;
  /** What the user can do next, most likely first. */
  readonly suggestions?: readonly string[] | undefined;
  readonly cause?: unknown;
}

/** An operation that could not be done. The message is lower-case, without a final period; the code never changes. */
export class MlsignError extends Error {
  override readonly name = 'MlsignError';
  readonly outcome: ErrorOutcome;
  readonly code: string;
  readonly subject: string | undefined;
  readonly expected: string | undefined;
  readonly got: string | undefined;
  readonly suggestions: readonly string[];

  constructor(outcome: ErrorOutcome, code: string, message: string, details: ErrorDetails = {}) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.outcome = outcome;
    this.code = code;
    this.subject = details.subject;
    this.expected = details.expected;
    this.got = details.got;
    this.suggestions = details.suggestions ?? [];
  }
}

/** Input that mlsign will not work on: malformed, unsafe or contradictory. */
export function refused(code: string, message: string, details?: ErrorDetails): MlsignError {
  return new MlsignError('refused', code, message, details);
}

/** Flags or options that do not go together, or have no such value. */
export function usage(code: string, message: string, details?: ErrorDetails): MlsignError {
  return new MlsignError('usage', code, message, details);
}

/** Something needed is missing or cannot be reached: a file, a key, the disk, the network. */
export function unavailable(code: string, message: string, details?: ErrorDetails): MlsignError {
  return new MlsignError('unavailable', code, message, details);
}

/** The user interrupted the operation. */
export function interrupted(): MlsignError {
  return new MlsignError('interrupted', 'interrupted', 'interrupted');
}

/** Throws `interrupted` when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw interrupted();
}

/** The system's error code (`ENOENT`, `EACCES`, …), if that is what the value carries. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Translates an error of the file system into ours, with the path that it was about. */
export function fileError(error: unknown, action: string, path: string): MlsignError {
  if (error instanceof MlsignError) return error;
  const code = systemErrorCode(error);
  const reasons: Record<string, [code: string, reason: string, suggestion: string]> = {
    ENOENT: ['file-not-found', 'no such file or directory', 'check the path'],
    EACCES: ['permission-denied', 'permission denied', 'run as a user who may, or change the mode of the file'],
    EPERM: ['permission-denied', 'operation not permitted', 'run as a user who may, or change the mode of the file'],
    EISDIR: ['is-a-directory', 'is a directory', 'give the path of a file'],
    ENOTDIR: ['not-a-directory', 'a part of the path is not a directory', 'check the path'],
    ENOSPC: ['disk-full', 'no space left on the device', 'free some space, or write elsewhere'],
    EROFS: ['read-only', 'the file system is read-only', 'write elsewhere'],
    EDQUOT: ['disk-full', 'the disk quota is used up', 'free some space, or write elsewhere'],
    EMFILE: ['too-many-files', 'too many open files', 'raise the limit (ulimit -n)'],
    ENXIO: ['not-a-file', 'it is a socket, or a pipe that nobody reads', 'give the path of a regular file'],
    ELOOP: ['link-cycle', 'symbolic links lead in a circle', 'check where the links of the path lead'],
    ENAMETOOLONG: ['name-too-long', 'the name is longer than the file system allows', 'give a shorter path'],
    EBUSY: ['file-busy', 'it is in use', 'close what uses it, and try again'],
    ETXTBSY: ['file-busy', 'it is in use', 'close what uses it, and try again'],
    EIO: ['read-error', 'the device reports an input/output error', 'check the disk'],
  };
  const known = code === undefined ? undefined : reasons[code];
  if (known === undefined && code === undefined) throw error;
  const [stable, reason, suggestion] = known ?? ['file-error', code ?? 'unknown', 'check the file and its disk'];
  return unavailable(stable, `cannot ${action}: ${reason}`, { subject: path, suggestions: [suggestion], cause: error });
}
