import type { Check, Finding } from '../core/index.ts';
import { locationText, type StoreLocation } from '../store/index.ts';
import type { ChannelPointer } from './channel.ts';
import type { Mark } from './high-water.ts';
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

/** How far the clocks of a signer and a client may be apart. */
const CLOCK_SKEW_MS = 5 * 60_000;
/** More pointers than a channel gets in years: a higher sequence burns numbers. */
export const LARGEST_JUMP = 10_000;
/** The last part of a pointer's life, in which it should be renewed. */
const LAST_PART = 1 / 5;

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
  if (issued.getTime() > now.getTime() + CLOCK_SKEW_MS) {
    return {
      code: 'channel-not-yet-valid',
      severity: 'rejected',
      message: 'the pointer is of the future',
      subject,
      expected: `issued at ${now.toISOString()} or before`,
      got: issued.toISOString(),
      suggestion: 'check the clock of this machine, and that of whoever signed',
    };
  }
  const renew = `renew it: ${renewCommand(location, channel)}`;
  if (expires <= now) {
    return {
      code: 'channel-expired',
      severity: 'rejected',
      message: 'the pointer has expired',
      subject,
      expected: `a pointer that is valid at ${now.toISOString()}`,
      got: `expired at ${expires.toISOString()}`,
      suggestion: renew,
    };
  }
  if (expires.getTime() - now.getTime() >= (expires.getTime() - issued.getTime()) * LAST_PART) return undefined;
  return {
    code: 'channel-expires-soon',
    severity: 'warning',
    message: 'the pointer is in the last fifth of its life',
    subject,
    got: `expires at ${expires.toISOString()}`,
    suggestion: renew,
  };
}

/** The first thing that is wrong with a sequence: below what is asked for or was seen, one of two, or far ahead. */
function judgeSequence(question: PointerQuestion, subject: string): Finding | undefined {
  const { pointer, digest, mark, minSequence = 0, history, location } = question;
  const { sequence, channel } = pointer;
  const others = history.filter((seen) => seen.digest !== digest);
  const highest = highestOf(others);
  const got = `sequence ${sequence}, release ${pointer.release.number}`;
  const rejected = { severity: 'rejected', subject, got } as const;
  const rolledBack = (expected: string, next: string): Finding => ({
    ...rejected,
    code: 'channel-rolled-back',
    message: 'this is an older pointer of the channel than the newest one',
    expected,
    suggestion: next,
  });
  const forked = (message: string, other: string): Finding => ({
    ...rejected,
    code: 'channel-forked',
    message,
    expected: `sequence ${sequence} with pointer ${other}`,
    got: `sequence ${sequence} with pointer ${digest}`,
    suggestion: `find out who signed two: ${historyCommand(location, channel)} · then move the channel on: ${rollbackCommand(location, channel, pointer.release.number)}`,
  });
  if (highest !== undefined && highest.pointer.sequence > sequence) {
    const { number } = highest.pointer.release;
    return rolledBack(
      `sequence ${highest.pointer.sequence}, release ${number}, which is in the history of the pointer`,
      `make the newest the current one again: ${rollbackCommand(location, channel, number)}`,
    );
  }
  if (mark !== undefined && mark.sequence > sequence) {
    return rolledBack(
      `sequence ${mark.sequence} or higher, which this client has seen`,
      `see who moved it: ${historyCommand(location, channel)} · where this is another store with a model of the same name, give it a --state of its own`,
    );
  }
  if (sequence < minSequence) {
    return rolledBack(`sequence ${minSequence} or higher (--min-sequence)`, `see who moved it: ${historyCommand(location, channel)}`);
  }
  if (mark?.sequence === sequence && mark.digest !== digest) {
    return forked('this client has seen another pointer with the same sequence', mark.digest);
  }
  const twin = others.find((seen) => seen.pointer.sequence === sequence);
  if (twin !== undefined) return forked('two different pointers are signed with the same sequence', twin.digest);
  const known = Math.max(mark?.sequence ?? highest?.pointer.sequence ?? 0, minSequence);
  if (sequence - known <= LARGEST_JUMP) return undefined;
  return {
    ...rejected,
    code: 'channel-jump',
    message: 'the sequence is far ahead of what was known: as if somebody used up the numbers',
    expected: `at most ${known + LARGEST_JUMP}, ${LARGEST_JUMP} more than the last one known`,
    suggestion: `see who moved it: ${historyCommand(location, channel)} · if it is right, say so: --min-sequence ${sequence}`,
  };
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
