import type { PolicyReview } from '../app/index.ts';
import { escapeText } from './escape.ts';
import { formatCount } from './quantity.ts';
import type { Style } from './style.ts';

/** What `mlsign policy check --json` prints: `schemas/policy-check.schema.json`. */
export function policyReviewDocument({ source, digest, isVerified, principals, rules, against, warnings }: PolicyReview): object {
  return {
    type: 'https://mlsign/policy-check/v1',
    policy: { source, sha256: digest, signature: isVerified ? 'verified' : 'not-demanded' },
    principals,
    rules,
    against,
    warnings,
  };
}

/** A policy in sentences, for people. */
export function policyReviewText({ source, isVerified, principals, rules, against, warnings }: PolicyReview, style: Style): string {
  const counts = [formatCount(principals.length, 'principal'), formatCount(rules.length, 'rule'), formatCount(warnings.length, 'warning')];
  return [
    `${style.good('valid')}  ${style.bold(escapeText(source))}  ${counts.join(', ')}${isVerified ? ', signed by a policy key' : ''}`,
    '',
    style.dim('principals'),
    ...principals.map(({ name, trust }) => `  ${style.bold(name)}  ${escapeText(trust)}`),
    ...rules.flatMap(({ model, pattern, asks }) => [
      '',
      `${style.dim('rule')} ${style.bold(escapeText(model))}${model === pattern ? '' : style.dim(`  ${escapeText(pattern)}`)}`,
      ...asks.map((sentence) => `  - ${escapeText(sentence)}`),
    ]),
    ...(against.length === 0 ? [] : ['', style.dim('against')]),
    ...against.map(
      ({ location, rule }) => `  ${escapeText(location)}  ${rule === undefined ? style.bad('no rule') : `rule ${escapeText(rule)}`}`,
    ),
    '',
  ].join('\n');
}
