import type { Finding, MlsignError } from '../core/index.ts';

/** An error that a bundle was met with, as a finding: what is merely unavailable leaves the answer open. */
export function errorFinding(error: MlsignError, where: string): Finding {
  const { code, message, subject = where, expected, got, suggestions } = error;
  const severity = error.outcome === 'unavailable' ? 'undetermined' : 'rejected';
  return { code, severity, message, subject, expected, got, suggestion: suggestions[0] };
}
