import type { Check, Finding } from '../core/index.ts';
import { locationText, type StoreLocation } from '../store/index.ts';
import type { ChannelPointer } from './channel.ts';
import type { Mark } from './high-water.ts';
import { LARGEST_JUMP, sequenceProblem, stageOfLife } from './judge-sequence.ts';
import { historyCommand, renewCommand, rollbackCommand } from './next-steps.ts';

/** A pointer and what identifies it. */
export interface SeenPointer {
  readonly pointer: ChannelPointer;
  /** SHA-256 of its bytes, hex. */
  readonly digest: string;
}

/** What is known when a pointer with a good signature is judged. */
export interface PointerQuestion extends SeenPointer {
  readonly location: Pick<StoreLocation, 'url'>;
  readonly now: Date;
  /** What this client has seen of the channel. */
  readonly mark?: Mark | undefined;
  readonly minSequence?: number | undefined;
  /** Every pointer of this channel with a good signature that was found, in any order; itself may be among them. */
  readonly history: readonly SeenPointer[];
}

/** What came of it. */
export interface PointerJudgement {
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/**
 * Judges a pointer whose signature and names are good (ARCHITECTURE §4): its time, and its sequence against everything that
 * was ever seen. Nothing is read and nothing remembered here.
 */
export function judgePointer(question: PointerQuestion): PointerJudgement {
  const subject = locationText(question.location, { kind: 'channel', name: question.pointer.channel });
  const time = judgeTime(question, subject);
  const sequence = judgeSequence(question, subject);
  const isBad = sequence !== undefined;
  return {
    checks: [
      {
        name: 'channel-expiry',
        status: time !== undefined && time.severity !== 'warning' ? 'failed' : 'passed',
        detail: `${subject}: issued ${question.pointer.issued.toISOString()}, expires ${question.pointer.expires.toISOString()}`,
      },
      { name: 'channel-sequence', status: isBad ? 'failed' : 'passed', detail: `${subject}: ${describeSequence(question)}` },
    ],
    findings: [time, sequence].filter((finding) => finding !== undefined),
  };
}

/** A pointer counts from five minutes before it was issued until it expires; before that, it asks to be renewed. */
function judgeTime({ pointer, now, location }: PointerQuestion, subject: string): Finding | undefined {
  const { issued, expires, channel } = pointer;
  const renew = `renew it: ${renewCommand(location, channel)}`;
  switch (stageOfLife(pointer, now)) {
    case 'good':
      return undefined;
    case 'future':
      return {
        code: 'channel-not-yet-valid',
        severity: 'rejected',
        message: 'the pointer is of the future',
        subject,
        expected: `issued at ${now.toISOString()} or before`,
        got: issued.toISOString(),
        suggestion: 'check the clock of this machine, and that of whoever signed',
      };
    case 'expired':
      return {
        code: 'channel-expired',
        severity: 'rejected',
        message: 'the pointer has expired',
        subject,
        expected: `a pointer that is valid at ${now.toISOString()}`,
        got: `expired at ${expires.toISOString()}`,
        suggestion: renew,
      };
    case 'ending':
      return {
        code: 'channel-expires-soon',
        severity: 'warning',
        message: 'the pointer is in the last fifth of its life',
        subject,
        got: `expires at ${expires.toISOString()}`,
        suggestion: renew,
      };
  }
}

/** What is wrong with a sequence, in words. */
function judgeSequence(question: PointerQuestion, subject: string): Finding | undefined {
  const { pointer, digest, mark, minSequence, location } = question;
  const { sequence, channel } = pointer;
  const history = question.history.map((seen) => ({ ...seen, sequence: seen.pointer.sequence }));
  const problem = sequenceProblem({ document: { sequence, digest }, mark, minSequence, history });
  const rejected = { severity: 'rejected', subject, got: `sequence ${sequence}, release ${pointer.release.number}` } as const;
  const rolledBack = (expected: string, next: string): Finding => ({
    ...rejected,
    code: 'channel-rolled-back',
    message: 'this is an older pointer of the channel than the newest one',
    expected,
    suggestion: next,
  });
  const seeWho = `see who moved it: ${historyCommand(location, channel)}`;
  switch (problem?.kind) {
    case undefined:
      return undefined;
    case 'behind-history': {
      const { number } = problem.newest.pointer.release;
      return rolledBack(
        `sequence ${problem.newest.sequence}, release ${number}, which is in the history of the pointer`,
        `make the newest the current one again: ${rollbackCommand(location, channel, number)}`,
      );
    }
    case 'behind-mark':
      return rolledBack(
        `sequence ${problem.mark.sequence} or higher, which this client has seen`,
        `${seeWho} · where this is another store with a model of the same name, give it a --state of its own`,
      );
    case 'below-minimum':
      return rolledBack(`sequence ${problem.minSequence} or higher (--min-sequence)`, seeWho);
    case 'forked':
      return {
        ...rejected,
        code: 'channel-forked',
        message:
          problem.by === 'mark'
            ? 'this client has seen another pointer with the same sequence'
            : 'two different pointers are signed with the same sequence',
        expected: `sequence ${sequence} with pointer ${problem.other}`,
        got: `sequence ${sequence} with pointer ${digest}`,
        suggestion: `find out who signed two: ${historyCommand(location, channel)} · then move the channel on: ${rollbackCommand(location, channel, pointer.release.number)}`,
      };
    case 'jump':
      return {
        ...rejected,
        code: 'channel-jump',
        message: 'the sequence is far ahead of what was known: as if somebody used up the numbers',
        expected: `at most ${problem.known + LARGEST_JUMP}, ${LARGEST_JUMP} more than the last one known`,
        suggestion: `${seeWho} · if it is right, say so: --min-sequence ${sequence}`,
      };
  }
}

/** The pointer with the highest sequence. */
export function highestOf<T extends SeenPointer>(seen: readonly T[]): T | undefined {
  return seen.reduce<T | undefined>((best, next) => (next.pointer.sequence > (best?.pointer.sequence ?? 0) ? next : best), undefined);
}

function describeSequence({ pointer, mark, minSequence, history }: PointerQuestion): string {
  const known = [
    mark === undefined ? undefined : `sequence ${mark.sequence} that this client has seen`,
    minSequence === undefined ? undefined : `--min-sequence ${minSequence}`,
    `${history.length} verified ${history.length === 1 ? 'pointer' : 'pointers'} of its history`,
  ].filter((part) => part !== undefined);
  return `sequence ${pointer.sequence}, compared with ${known.join(', ')}`;
}
