import type { Finding } from '../core/index.ts';
import type { SummarizedSigner, VerificationSummary } from '../formats/index.ts';
import type { Revocations } from '../lineage/index.ts';
import { isFrom, type VsaRule } from '../policy/index.ts';
import type { ProvenTime, VerifiedStatement } from '../verify/index.ts';

/** A signature beside the model, of which nothing is verified. */
export interface SummarizedSignature {
  readonly modelId: string;
  /** SHA-256 of its bundle, hex. */
  readonly sha256: string;
}

/** What a summary must be about, to be accepted. */
export interface SummaryQuestion {
  readonly rule: VsaRule;
  /** SHA-256, hex, of the policy file whose rule it is. */
  readonly policyDigest?: string | undefined;
  /** Where the model is: a URI. */
  readonly resource: string;
  /** SHA-256, hex, of the release record; of a model on disk there is none. */
  readonly recordDigest?: string | undefined;
  /** Those beside the model. */
  readonly signatures: readonly SummarizedSignature[];
  /** What is revoked by now; absent where the rule asks for no list. */
  readonly revocations?: Revocations | undefined;
  readonly now: Date;
}

/**
 * Judges a summary whose signature is that of a gatekeeper: it must be about this model, here, under this policy, in this
 * verifier's name, young enough, passed, and made with nothing that is revoked by now. All that is wrong is told; none where
 * it is accepted.
 */
export function judgeSummary(summary: VerifiedStatement<VerificationSummary>, question: SummaryQuestion): readonly Finding[] {
  const { statement, bundle: subject } = summary;
  const { rule, signatures, policyDigest, revocations } = question;
  const findings: Finding[] = [];
  const differs = (code: string, message: string, expected: string, got: string, suggestion?: string) =>
    findings.push({ code, severity: 'rejected', message, subject, expected, got, suggestion });
  if (statement.verifier !== rule.verifier)
    differs('vsa-verifier-differs', 'the summary is made in the name of another verifier', rule.verifier, statement.verifier);
  const policy = rule.policy ?? policyDigest;
  if (policy === undefined || statement.policy.sha256 !== policy) {
    const hint = 'have it verified under this policy, or name the policy of the gatekeeper in the rule: vsa: { policy: … }';
    differs('vsa-policy-differs', 'the summary is about another policy', policy ?? 'a policy file', statement.policy.sha256, hint);
  }
  const { modelId } = statement.subject;
  const about = signatures.filter((signature) => signature.modelId === modelId);
  if (about.length === 0) {
    const ids = new Set(signatures.map((signature) => signature.modelId));
    differs('vsa-model-differs', 'the summary is about another model', [...ids].join(', ') || 'a signed model', modelId);
  } else if (!about.some((signature) => isSummarized(signature, statement))) {
    const message = 'no signature beside the model is the one that the gatekeeper verified';
    const expected = statement.inputs.map(({ sha256 }) => sha256).join(', ') || 'inputAttestations with the signature of the model';
    const hint = 'put back the signature that was verified, or have the model verified again as it is';
    differs('vsa-signature-differs', message, expected, about.map(({ sha256 }) => sha256).join(', '), hint);
  }
  findings.push(...judgePlace(summary, question), ...judgeAge(summary, question));
  for (const { uri, sha256, statement: digest, signer } of revocations === undefined ? [] : statement.inputs) {
    const where = uri ?? sha256;
    const refusals = [
      signer && revocations?.signer(namesOf(signer), timesOf(signer), where),
      revocations?.statement(digest, sha256, where),
    ];
    findings.push(...refusals.filter((refusal) => refusal !== undefined));
  }
  const revokedAncestors = (statement.ancestors ?? []).map(({ name, digest }) =>
    revocations?.ancestor(digest, statement.subject.name, [statement.subject.name, name]),
  );
  findings.push(...revokedAncestors.filter((refusal) => refusal !== undefined));
  findings.push(...judgeAncestors(summary, revocations));
  if (revocations !== undefined && statement.inputs.every(({ signer }) => signer === undefined)) {
    const message = 'the summary does not say whose signatures were verified, so that it cannot be told whether one is revoked by now';
    differs('vsa-signers-unknown', message, 'inputAttestations with signers, as mlsign writes them', 'none');
  }
  if (statement.result === 'PASSED') return findings;
  const next = 'see what the gatekeeper found, and do not deploy until it passes';
  differs('vsa-failed', 'the gatekeeper verified this model, and it did not pass', 'PASSED', statement.result, next);
  return findings;
}

/** What no digest of an ancestor tells: who signed it, and which files it has. */
function judgeAncestors(
  { statement: { ancestors = [], revocations: known }, bundle: subject }: VerifiedStatement<VerificationSummary>,
  revocations: Revocations | undefined,
): readonly Finding[] {
  if (revocations === undefined || ancestors.length === 0) return [];
  const finding = { severity: 'rejected', subject, suggestion: 'have the model verified again by the gatekeeper' } as const;
  if (known === undefined) {
    const message = 'the summary does not say whose signatures were over what the model was made from, nor by which lists it was judged';
    return [{ ...finding, code: 'vsa-signers-unknown', message, expected: 'a summary of this version of mlsign', got: 'an older one' }];
  }
  const [first, ...others] = revocations.digestsSince(known);
  if (first === undefined) return [];
  return [
    {
      ...finding,
      code: 'vsa-ancestors-unknown',
      message:
        'digests were revoked that the gatekeeper did not know of: whether a file of what the model was made from has one, no summary tells',
      expected: 'no digest that is revoked since',
      got: others.length === 0 ? first : `${first} and ${others.length} more`,
    },
  ];
}

/** Whether it is a signature, byte for byte, by which the gatekeeper knew the model. */
export function isSummarized({ modelId, sha256 }: SummarizedSignature, { subject, inputs }: VerificationSummary): boolean {
  return modelId === subject.modelId && inputs.some((input) => input.sha256 === sha256);
}

function judgePlace({ statement, bundle: subject }: VerifiedStatement<VerificationSummary>, question: SummaryQuestion): readonly Finding[] {
  const { rule, resource, recordDigest } = question;
  // What lies in a store is verified there, whatever may be said of copies.
  const pattern = recordDigest === undefined ? rule.resource : undefined;
  const isHere = pattern === undefined ? statement.resource === resource : isFrom([pattern], statement.resource);
  if (!isHere) {
    const finding: Finding = {
      code: 'vsa-resource-differs',
      severity: 'rejected',
      message: 'the summary is about what lies elsewhere',
      subject,
      expected: pattern ?? resource,
      got: statement.resource,
      suggestion: 'have the model verified where it lies, or say in the rule where copies on disk come from: vsa: { resource: … }',
    };
    return [finding];
  }
  if (recordDigest === undefined || statement.inputs.some(({ sha256 }) => sha256 === recordDigest)) return [];
  return [
    {
      code: 'vsa-record-differs',
      severity: 'rejected',
      message: 'the summary was made with another record of this release',
      subject,
      expected: recordDigest,
      got: 'a record that is not among its inputAttestations',
      suggestion: 'have the release verified as it is now',
    },
  ];
}

/** Whatever time a gatekeeper writes down: its signature is no younger than what is proven of it. */
function judgeAge(
  { statement, times, bundle: subject }: VerifiedStatement<VerificationSummary>,
  question: SummaryQuestion,
): readonly Finding[] {
  const { now, rule } = question;
  const { timeVerified } = statement;
  const finding = { severity: 'rejected', subject } as const;
  if (timeVerified > now) {
    return [
      {
        ...finding,
        code: 'vsa-from-future',
        message: 'the summary says that the model will be verified in the future',
        expected: `verified at ${now.toISOString()} or before`,
        got: timeVerified.toISOString(),
        suggestion: 'check the clock of this machine, and that of the gatekeeper',
      },
    ];
  }
  const oldest = Math.min(timeVerified.getTime(), ...times.map(({ time }) => time.getTime()));
  if (now.getTime() - oldest <= rule.maxAge) return [];
  return [
    {
      ...finding,
      code: 'vsa-too-old',
      message: 'the summary is older than the policy accepts',
      expected: `verified at ${new Date(now.getTime() - rule.maxAge).toISOString()} or later`,
      got: new Date(oldest).toISOString(),
      suggestion: 'have the model verified again by the gatekeeper',
    },
  ];
}

function namesOf({ key, authorities, identity, certificate }: SummarizedSigner) {
  return { hint: key, authorities, identity, certificate };
}

function timesOf({ times }: SummarizedSigner): readonly Pick<ProvenTime, 'time' | 'authority'>[] {
  return times.map((time) => ({ time, authority: 'the gatekeeper' }));
}
