import { formatDuration } from '../report/index.ts';
import { writeNote } from './wiring.ts';

/** An attempt that failed and is repeated. */
interface RepeatedAttempt {
  readonly action: string;
  readonly reason: string;
  readonly waitMs: number;
}

/** Says on standard error why something takes longer, unless quiet. */
export function retryNote(quiet: boolean): (attempt: RepeatedAttempt) => void {
  return ({ action, reason, waitMs }) => {
    if (!quiet) writeNote(`${action}: ${reason}; trying again in ${formatDuration(waitMs)}\n`);
  };
}
