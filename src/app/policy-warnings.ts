import { X509Certificate } from 'node:crypto';
import type { Finding } from '../core/index.ts';
import type { OpenedPolicy, PolicyDocument, Principal, Rule, Trust } from '../policy/index.ts';
import { unusedNames } from '../policy/index.ts';

const SOON = 30 * 86_400_000;

/** What is allowed in a policy and seldom meant. */
export function policyWarnings({ policy, document }: OpenedPolicy, now: Date, isSigned: boolean): readonly Finding[] {
  const { principals, roles } = unusedNames(document);
  return [
    ...[...principals.map((name) => ['principal', name]), ...roles.map((name) => ['role', name])].map(([kind, name]) =>
      warning('policy-name-unused', `no rule asks for this ${kind}`, `${kind} ${name}`, 'take it out, or name it in a rule'),
    ),
    ...policy.principals.flatMap((principal) => endings(principal, now)),
    ...policy.rules.flatMap(ruleWarnings),
    ...(isSigned ? keyFiles(document) : []),
  ];
}

/** A warning of `policy check`. */
export function warning(code: string, message: string, subject: string, suggestion: string): Finding {
  return { code, severity: 'warning', message, subject, suggestion };
}

function ruleWarnings(rule: Rule): readonly Finding[] {
  const subject = `rule ${rule.name}`;
  const { formats } = rule;
  const easy = rule.signedBy.filter(({ threshold, of }) => threshold === 1 && of.length > 1);
  return [
    ...(/^(?:\*\*|\/\*\*|s3:\/\/\*\*)$/.test(rule.pattern)
      ? [
          warning(
            'policy-pattern-wide',
            'the rule is for every model that no other rule is for',
            subject,
            'name the places where models lie',
          ),
        ]
      : []),
    ...easy.map(({ text, of }) =>
      warning(
        'policy-threshold-low',
        `any one of ${of.length} signers is enough (${text}): the weakest of them decides`,
        subject,
        'ask for several, such as "2 of [a, b, c]", or for one by name',
      ),
    ),
    ...(rule.revocations.length === 0
      ? [
          warning(
            'policy-revocations-missing',
            'no revocation list is asked: what is revoked still passes',
            subject,
            'name a list (revocations: { signed-by: …, file: … }), which mlsign revoke --init begins',
          ),
        ]
      : []),
    ...(rule.ignoreUnsigned
      ? [
          warning(
            'policy-unsigned-allowed',
            'files that nobody signed may lie in the model, and a loader may read them',
            subject,
            'name the paths: unsigned-paths',
          ),
        ]
      : []),
    ...(rule.attestations.length > 0 && rule.ignorePaths === 'signed'
      ? [
          warning(
            'policy-attestations-partial',
            'attestations are about the signed files alone: whoever may sign the model can leave out further paths later, and they still count',
            subject,
            'ignore-paths: [], or exactly the paths that may be left out',
          ),
        ]
      : []),
    ...(formats === 'any'
      ? [
          warning(
            'policy-formats-any',
            'nothing looks at what files could do when they are loaded',
            subject,
            'name the formats that you use: formats: { allow-code: [pytorch] }',
          ),
        ]
      : []),
  ];
}

function endings({ name, trust }: Principal, now: Date): readonly Finding[] {
  return trust.flatMap((entry) =>
    endsOf(entry).flatMap(({ what, end }): readonly Finding[] => {
      const left = end.getTime() - now.getTime();
      if (left > SOON) return [];
      const when = end.toISOString().slice(0, 10);
      return left < 0
        ? [
            warning(
              'policy-key-expired',
              `${what} ended on ${when}: only signatures that are proven to be older count`,
              `principal ${name}`,
              'add its successor, and take it out once nothing old is verified any more',
            ),
          ]
        : [warning('policy-key-expiring', `${what} ends on ${when}`, `principal ${name}`, 'add its successor')];
    }),
  );
}

function endsOf(trust: Trust): readonly { readonly what: string; readonly end: Date }[] {
  switch (trust.kind) {
    case 'key':
      return [
        ...(trust.notAfter === undefined ? [] : [{ what: `the trust in ${trust.where}`, end: trust.notAfter }]),
        ...(trust.certificate === undefined ? [] : [{ what: `the certificate ${trust.where}`, end: trust.certificate.notAfter }]),
      ];
    case 'ca':
      return trust.roots.map((root) => ({ what: `a root in ${trust.where}`, end: new Date(new X509Certificate(root).validTo) }));
    case 'identity':
      return [];
  }
}

/** The signature of a policy covers its text, and not what lies elsewhere. */
function keyFiles({ principals }: PolicyDocument): readonly Finding[] {
  return principals.flatMap(({ name, trust }) => {
    const sources = trust.flatMap((entry) => (entry.kind === 'key' || entry.kind === 'ca' ? entry.sources : []));
    const outside = sources.filter(({ text }) => !text.includes('-----BEGIN '));
    if (outside.length === 0) return [];
    const paths = outside.map(({ text }) => text).join(', ');
    return [
      warning(
        'policy-key-outside',
        `the signature of the policy does not cover ${paths}: whoever can change that changes whom the policy trusts`,
        `principal ${name}`,
        'put the PEM text into the policy itself',
      ),
    ];
  });
}
