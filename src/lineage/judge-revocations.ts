import type { Check, Finding } from '../core/index.ts';
import { type Mark, sequenceProblem, stageOfLife } from '../release/index.ts';
import type { RevocationList } from './revocations.ts';

/** What is known when a list with a good signature is judged. */
export interface RevocationsQuestion {
  readonly list: Pick<RevocationList, 'sequence' | 'issued' | 'expires' | 'entries'>;
  /** SHA-256 of its bytes, hex. */
  readonly digest: string;
  /** Where it is. */
  readonly subject: string;
  readonly now: Date;
  /** What this client has seen of it. */
  readonly mark?: Mark | undefined;
  /** Every list of this place with a good signature that was found, in any order; itself may be among them. */
  readonly history: readonly Mark[];
}

/**
 * Judges a list whose signature and name are good: its time, and its sequence against everything that was ever seen. One that
 * has expired may hide what was revoked since: it leaves the answer open. One that is older than what was seen rejects.
 */
export function judgeRevocations(question: RevocationsQuestion): {
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
} {
  const { list, subject } = question;
  const time = judgeTime(question);
  const sequence = judgeSequence(question);
  const isOld = time !== undefined && time.severity !== 'warning';
  const count = `${list.entries.length} ${list.entries.length === 1 ? 'entry' : 'entries'}`;
  return {
    checks: [
      {
        name: 'revocations',
        status: sequence !== undefined ? 'failed' : isOld ? 'could-not-run' : 'passed',
        detail: `${subject}: sequence ${list.sequence}, ${count}, issued ${list.issued.toISOString()}, expires ${list.expires.toISOString()}`,
      },
    ],
    findings: [time, sequence].filter((finding) => finding !== undefined),
  };
}

function judgeTime({ list, now, subject }: RevocationsQuestion): Finding | undefined {
  const renew = 'have it renewed by the revoker: mlsign revoke --renew';
  switch (stageOfLife(list, now)) {
    case 'good':
      return undefined;
    case 'future':
      return {
        code: 'revocations-not-yet-valid',
        severity: 'undetermined',
        message: 'the revocation list is of the future',
        subject,
        expected: `issued at ${now.toISOString()} or before`,
        got: list.issued.toISOString(),
        suggestion: 'check the clock of this machine, and that of whoever signed',
      };
    case 'expired':
      return {
        code: 'revocations-expired',
        severity: 'undetermined',
        message: 'the revocation list has expired: what was revoked since cannot be told',
        subject,
        expected: `a list that is valid at ${now.toISOString()}`,
        got: `expired at ${list.expires.toISOString()}`,
        suggestion: `get the newest list, or ${renew}`,
      };
    case 'ending':
      return {
        code: 'revocations-expire-soon',
        severity: 'warning',
        message: 'the revocation list is in the last fifth of its life',
        subject,
        got: `expires at ${list.expires.toISOString()}`,
        suggestion: renew,
      };
  }
}

function judgeSequence({ list, digest, mark, history, subject }: RevocationsQuestion): Finding | undefined {
  const { sequence } = list;
  const problem = sequenceProblem({ document: { sequence, digest }, mark, history });
  const rejected = { severity: 'rejected', subject, got: `sequence ${sequence}` } as const;
  const older = { ...rejected, code: 'revocations-rolled-back', message: 'this is an older revocation list than the newest one' };
  switch (problem?.kind) {
    case 'behind-history':
      return {
        ...older,
        expected: `sequence ${problem.newest.sequence}, which is in the history of the list`,
        suggestion: 'find out who put it back, and have the newest renewed: mlsign revoke --renew',
      };
    case 'behind-mark':
      return {
        ...older,
        expected: `sequence ${problem.mark.sequence} or higher, which this client has seen`,
        suggestion: 'get the newest list · where this is another list of the same name, give it a --state of its own',
      };
    case 'forked':
      return {
        ...rejected,
        code: 'revocations-forked',
        message:
          problem.by === 'mark'
            ? 'this client has seen another revocation list with the same sequence'
            : 'two different revocation lists are signed with the same sequence',
        expected: `sequence ${sequence} with list ${problem.other}`,
        got: `sequence ${sequence} with list ${digest}`,
        suggestion: 'find out who signed two, and which entries each has; then have what both revoke revoked in one: mlsign revoke',
      };
    // There is no going back by a higher one: what it does not revoke any more, the revoker has said.
    case 'below-minimum':
    case 'jump':
    case undefined:
      return undefined;
  }
}
