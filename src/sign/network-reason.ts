import { systemErrorCode } from '../core/index.ts';

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name not resolved',
  UND_ERR_SOCKET: 'connection closed',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
  UND_ERR_HEADERS_TIMEOUT: 'no answer',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped',
};

/** Errors of TLS: another attempt ends in the same way. */
const TLS = /^(CERT_|ERR_TLS_|ERR_SSL_|EPROTO$|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH$)/;

/** Why the network let an attempt fail, in words, and whether that may pass. */
export function networkReason(error: unknown): { readonly reason: string; readonly passing: boolean } {
  const code = codeOf(error);
  if (code === undefined) return { reason: 'connection failed', passing: true };
  if (TLS.test(code)) return { reason: `TLS failed (${code})`, passing: false };
  return { reason: REASONS[code] ?? code, passing: true };
}

/** fetch wraps the system's error, and that of several addresses, in its own. */
function codeOf(error: unknown, depth = 0): string | undefined {
  const own = systemErrorCode(error);
  if (own !== undefined || depth > 3 || !(error instanceof Error)) return own;
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  return inner.map((cause) => codeOf(cause, depth + 1)).find((code) => code !== undefined);
}
