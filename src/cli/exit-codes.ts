import type { ErrorOutcome, Verdict } from '../core/index.ts';

/** The exit codes of every command (the README lists them). */
export const EXIT = { done: 0, rejected: 1, usage: 2, undetermined: 3, bug: 70, interrupted: 130, terminated: 143 } as const;

const BY_OUTCOME: Record<ErrorOutcome, number> = {
  refused: EXIT.rejected,
  usage: EXIT.usage,
  unavailable: EXIT.undetermined,
  bug: EXIT.bug,
  interrupted: EXIT.interrupted,
};

const BY_VERDICT: Record<Verdict, number> = { verified: EXIT.done, rejected: EXIT.rejected, undetermined: EXIT.undetermined };

/** The exit code of an operation that could not be done. */
export function exitCodeOf(outcome: ErrorOutcome): number {
  return BY_OUTCOME[outcome];
}

/** The exit code of a verification. */
export function exitCodeOfVerdict(verdict: Verdict): number {
  return BY_VERDICT[verdict];
}
