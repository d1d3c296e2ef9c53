import { setTimeout as sleep } from 'node:timers/promises';
import { interrupted, throwIfAborted } from '../core/index.ts';

/**
 * What may pass by itself: the service asks to slow down (`throttled`), the network or the service fails (`transient`),
 * or a new key, alias or grant is not yet known everywhere (`settling`).
 */
export type Passing = 'throttled' | 'transient' | 'settling';

/** One attempt that failed and will be repeated. */
export interface Retry {
  /** What was tried: `kms:Sign`. */
  readonly action: string;
  /** Why it failed: `ThrottlingException`, `ECONNRESET`. */
  readonly reason: string;
  /** The number of the attempt that failed, from 1. */
  readonly attempt: number;
  readonly waitMs: number;
}

/** How often and after what time something is tried again. */
export interface RetryOptions {
  /** Attempts in all. */
  readonly attempts: number;
  /** Attempts in all where something new may have to settle, or the user simply has no permission. */
  readonly settlingAttempts: number;
  /** Longest wait before the second attempt; it doubles with each one. */
  readonly baseMs: Readonly<Record<Passing, number>>;
  readonly maxMs: number;
  /** From 0 to 1: spreads those who were refused together. */
  readonly random: () => number;
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly onRetry: (retry: Retry) => void;
}

/** Five attempts within about ten seconds; three where a permission may be new. */
export const DEFAULT_RETRIES: RetryOptions = {
  attempts: 5,
  settlingAttempts: 3,
  baseMs: { throttled: 500, transient: 200, settling: 1000 },
  maxMs: 5000,
  random: Math.random,
  wait: async (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
  onRetry: () => undefined,
};

/** What is known of a failed attempt. */
export interface Failure {
  /** Undefined where another attempt would end in the same way. */
  readonly passing: Passing | undefined;
  readonly reason: string;
}

/** An attempt that failed for good: the last error, and how many attempts there were. */
export interface GivenUp {
  readonly error: unknown;
  readonly attempts: number;
}

/**
 * Does something until it succeeds, fails for good or has been tried often enough.
 *
 * @param judge tells what a failure is
 * @param translate the error to throw in the end
 * @throws MlsignError `interrupted`; what `translate` gives
 */
export async function withRetries<T>(
  action: string,
  attempt: () => Promise<T>,
  options: RetryOptions,
  judge: (error: unknown) => Failure,
  translate: (givenUp: GivenUp) => Error | Promise<Error>,
  signal?: AbortSignal,
): Promise<T> {
  for (let number = 1; ; number++) {
    throwIfAborted(signal);
    try {
      return await attempt();
    } catch (error) {
      throwIfAborted(signal);
      const { passing, reason } = judge(error);
      const limit = passing === 'settling' ? options.settlingAttempts : options.attempts;
      if (passing === undefined || number >= limit) throw await translate({ error, attempts: number });
      const ceiling = Math.min(options.maxMs, options.baseMs[passing] * 2 ** (number - 1));
      // Half of it is certain, so that something new has time to settle.
      const waitMs = Math.round(ceiling / 2 + (options.random() * ceiling) / 2);
      options.onRetry({ action, reason, attempt: number, waitMs });
      await options.wait(waitMs, signal).catch(() => Promise.reject(interrupted()));
    }
  }
}
