import { MlsignError, systemErrorCode } from '../core/index.ts';
import type { Failure } from './retry.ts';

/** The answer to a call did not come in time. */
export class AttemptTimeout extends Error {
  override readonly name = 'AttemptTimeout';
}

/** The answer to a call is none: it is longer than any honest one, or a field is missing. */
export class AnswerMalformed extends Error {
  override readonly name = 'AnswerMalformed';
}

const THROTTLED = ['ThrottlingException', 'Throttling', 'TooManyRequestsException', 'RequestLimitExceeded', 'SlowDown'];
const SETTLING = ['AccessDeniedException', 'NotFoundException'];
const NETWORK =
  /^(E(CONN|HOST|NET|PIPE|TIMEDOUT|AI_AGAIN|NOTFOUND|PROTO)|UND_ERR|HPE_|ERR_TLS|ERR_SSL|ERR_PROXY|CERT_|DEPTH_|SELF_|UNABLE_)/;
// A certificate does not become right by asking again.
const LASTING_NETWORK = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_|SELF_|UNABLE_|EPROTO)/;
// The clock of this machine is wrong; the SDK learns the right time from the refusal, so that the next attempt passes.
const CLOCK = /^(RequestTimeTooSkewed|RequestInTheFuture|InvalidSignatureException: Signature (expired|not yet current))/;

/** Whether an attempt that failed may pass when it is made again. */
export function judgeAwsFailure(error: unknown): Failure {
  if (!(error instanceof Error) || error instanceof MlsignError) return { passing: undefined, reason: 'error' };
  if (error instanceof AttemptTimeout) return { passing: 'transient', reason: 'no answer in time' };
  const { name, message } = error;
  const code = networkCode(error);
  if (code !== undefined) return { passing: LASTING_NETWORK.test(code) ? undefined : 'transient', reason: code };
  const status = statusOf(error);
  if (isThrottled(error)) return { passing: 'throttled', reason: name };
  if (CLOCK.test(`${name}: ${message}`)) return { passing: 'transient', reason: name };
  if (SETTLING.includes(name) && !message.includes('explicit deny')) return { passing: 'settling', reason: name };
  if (status !== undefined && status >= 500) return { passing: 'transient', reason: isUnreadable(error) ? `HTTP ${status}` : name };
  if (isUnreadable(error)) return { passing: 'transient', reason: 'an answer that cannot be read' };
  return { passing: undefined, reason: name };
}

/** Whether a call that makes something may be made again: only where AWS cannot have done it. */
export function judgeCreation(error: unknown): Failure {
  const failure = judgeAwsFailure(error);
  const isUndone = failure.passing === 'throttled' || ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'].includes(failure.reason);
  return isUndone ? failure : { ...failure, passing: undefined };
}

/** Whether AWS asks to slow down. */
export function isThrottled(error: Error): boolean {
  return THROTTLED.includes(error.name) || statusOf(error) === 429;
}

/** An answer that the SDK could not make sense of: an error of parsing, which brings the answer along, or one without a name. */
export function isUnreadable(error: Error): boolean {
  if (error instanceof AnswerMalformed || error instanceof SyntaxError) return true;
  return '$fault' in error ? ['Unknown', 'UnknownError', 'Error'].includes(error.name) : '$response' in error;
}

/** The HTTP status of the answer, where there was one. */
export function statusOf(error: Error): number | undefined {
  if (!('$metadata' in error) || typeof error.$metadata !== 'object' || error.$metadata === null) return undefined;
  const { $metadata } = error;
  return 'httpStatusCode' in $metadata && typeof $metadata.httpStatusCode === 'number' ? $metadata.httpStatusCode : undefined;
}

/** The code of a failure of the network: `ECONNREFUSED`. */
export function networkCode(error: Error): string | undefined {
  const code = systemErrorCode(error) ?? (error.cause instanceof Error ? systemErrorCode(error.cause) : undefined);
  if (code !== undefined && NETWORK.test(code)) return code;
  // A connection that ends in the middle of an answer has no code of its own.
  return error.message === 'aborted' || error.message === 'socket hang up' ? 'ECONNRESET' : undefined;
}
