import type { MlsignError } from './errors.ts';

/** `rejected` and `undetermined` decide the verdict; a `warning` wants attention; a `note` is for the record. */
export type Severity = 'rejected' | 'undetermined' | 'warning' | 'note';

/** One thing that a check saw. */
export interface Finding {
  /** Stable, kebab-case: `file-changed`. */
  readonly code: string;
  readonly severity: Severity;
  /** One lower-case sentence without a final period that stands alone. */
  readonly message: string;
  /** Where: a path in the model, a bundle, a certificate, a field. */
  readonly subject: string;
  readonly expected?: string | undefined;
  readonly got?: string | undefined;
  /** What to do about it. */
  readonly suggestion?: string | undefined;
}

/** What became of a check that was asked for or that applies by default. */
export type CheckStatus = 'passed' | 'failed' | 'skipped' | 'not-applicable' | 'could-not-run';

/** One line of the evidence: a check, and what became of it. */
export interface Check {
  /** Stable, kebab-case: `signature`, `certificate-path`, `model-content`. */
  readonly name: string;
  readonly status: CheckStatus;
  /** One lower-case sentence: what was compared with what, or why it was not. */
  readonly detail: string;
}

/** The answer of a verification. */
export type Verdict = 'verified' | 'rejected' | 'undetermined';

/** The verdict that findings lead to: rejected outranks undetermined, undetermined outranks verified. */
export function verdictOf(findings: Iterable<Pick<Finding, 'severity'>>): Verdict {
  let verdict: Verdict = 'verified';
  for (const { severity } of findings) {
    if (severity === 'rejected') return 'rejected';
    if (severity === 'undetermined') verdict = 'undetermined';
  }
  return verdict;
}

/**
 * An error that something was met with, as a finding: what is merely unavailable leaves the answer open.
 *
 * @param where what the finding is about where the error does not say
 */
export function errorFinding(error: MlsignError, where: string): Finding {
  const { code, message, subject = where, expected, got, suggestions } = error;
  const severity = error.outcome === 'unavailable' ? 'undetermined' : 'rejected';
  return { code, severity, message, subject, expected, got, suggestion: suggestions[0] };
}
