import { basename } from 'node:path';
import type { Check, Finding } from '../core/index.ts';
import { type AttestationRule, countSigners, type MetricBound, meetsBound, type Principal, type Signed } from '../policy/index.ts';
import type { VerifiedStatement } from '../verify/index.ts';
import type { ModelAttestation } from './attestation-statement.ts';

/** A statement whose signature is good. */
export type VerifiedAttestation = VerifiedStatement<ModelAttestation>;

/** One statement that was looked at for an entry of the policy. */
export interface JudgedAttestation {
  readonly bundle: string;
  /** SHA-256 of the bundle's bytes, hex. */
  readonly sha256: string;
  /** SHA-256 of the signed statement, hex: what `mlsign revoke` names it by. */
  readonly statement: string;
  readonly principals: readonly string[];
  /** In words. */
  readonly signer: string;
  /** What the signer goes by, and when the signature is proven to have existed. */
  readonly by: Pick<VerifiedStatement, 'signer' | 'times'>;
  /** When it was made: what its signer says, or an earlier time that is proven. */
  readonly time?: { readonly time: Date; readonly by: 'issued' | 'proven' } | undefined;
  /** Why it does not count; absent where it does. */
  readonly reason?: string | undefined;
}

/** What an entry of the policy asked for, and what became of it. */
export interface RequiredAttestation {
  readonly type: string;
  readonly role?: string | undefined;
  /** As the policy says it, one requirement each. */
  readonly signedBy: readonly string[];
  readonly isMet: boolean;
  readonly looked: readonly JudgedAttestation[];
}

/** A statement beside the model that nobody who is asked for has signed, or that cannot be read. */
export interface DroppedAttestation {
  readonly bundle: string;
  /** Absent where it cannot be read. */
  readonly type?: string | undefined;
  /** Why. */
  readonly reason: string;
}

/** How many statements a finding names that do not count. */
const MOST_NAMED = 3;

/** Against what statements are judged. */
export interface AttestationQuestion {
  readonly modelId: string;
  /** Names the rule in findings. */
  readonly rule: string;
  readonly now: Date;
  /** Those whose signature counts for nothing. */
  readonly dropped?: readonly DroppedAttestation[] | undefined;
  /** What could not be looked at, so that what is missing may be there: in words. */
  readonly unseen?: string | undefined;
}

/** What the entries of a rule come to. */
export interface AttestationsJudgement {
  readonly required: readonly RequiredAttestation[];
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** Why a statement does not count: what it lacks, or that it is only too old. */
interface Refusal {
  readonly reason: string;
  readonly isAge?: true;
}

/** Judges verified statements by each entry of a rule. */
export function judgeAttestations(
  entries: readonly AttestationRule[],
  statements: readonly VerifiedAttestation[],
  question: AttestationQuestion,
): AttestationsJudgement {
  const judged = entries.map((entry) => judgeEntry(entry, statements, question));
  return {
    required: judged.map(({ required }) => required),
    checks: judged.map(({ check }) => check),
    findings: judged.flatMap(({ findings }) => findings),
  };
}

function judgeEntry(entry: AttestationRule, statements: readonly VerifiedAttestation[], question: AttestationQuestion) {
  const own = new Set(entry.signedBy.flatMap(({ of }) => of));
  const refusals = new Map<VerifiedAttestation, Refusal>();
  const ofType = statements.filter(({ statement }) => statement.predicateType === entry.type);
  for (const one of ofType) {
    const refusal = refusalOf(entry, own, one, question);
    if (refusal !== undefined) refusals.set(one, refusal);
  }
  const valid = ofType.filter((one) => !refusals.has(one));
  const { counted, failures } = entry.metrics.length === 0 ? { counted: everyone(valid, own), failures: [] } : measured(entry, valid, own);
  const counts = new Set(counted.map(({ bundle }) => bundle));
  const missing = entry.signedBy.filter((requirement) => countSigners(requirement, counted) < requirement.threshold);
  const isMet = missing.length === 0 && failures.length === 0;
  const looked = ofType.map((one) =>
    describe(one, refusals.get(one)?.reason ?? (counts.has(one.bundle) ? undefined : unmeasured(entry, one))),
  );
  const required: RequiredAttestation = {
    type: entry.type,
    role: entry.role,
    signedBy: entry.signedBy.map(({ text }) => text),
    isMet,
    looked,
  };
  const findings = [
    ...failures.map((failure) => metricFinding(entry, failure)),
    ...(missing.length === 0 || failures.length > 0 ? [] : [lacking(entry, ofType, refusals, counted, looked, question)]),
  ];
  const names = [...new Set(counted.map(({ principal }) => principal.name))].join(', ') || 'nobody';
  const isOpen = findings.some(({ severity }) => severity === 'undetermined');
  const check: Check = {
    name: 'attestations',
    status: isMet ? 'passed' : isOpen ? 'could-not-run' : 'failed',
    detail: `${entry.name}, by ${required.signedBy.join(' and by ')}: by ${names}`,
  };
  return { required, check, findings };
}

/** Why a statement counts for nothing here. */
function refusalOf(
  entry: AttestationRule,
  own: ReadonlySet<Principal>,
  one: VerifiedAttestation,
  { modelId, now }: AttestationQuestion,
): Refusal | undefined {
  const { statement, signedBy } = one;
  if (statement.modelId !== modelId) return { reason: `it is about another model: ${statement.modelId}` };
  if (entry.role !== undefined && statement.role !== entry.role) return { reason: `it is for another role: ${statement.role ?? 'none'}` };
  if (!signedBy.some(({ principal }) => own.has(principal))) return { reason: 'its signer is none of those who are asked for' };
  if (statement.issued !== undefined && statement.issued > now)
    return { reason: `it is issued in the future: ${statement.issued.toISOString()}` };
  if (statement.expires !== undefined && statement.expires <= now)
    return { reason: `it has expired: ${statement.expires.toISOString()}`, isAge: true };
  if (entry.maxAge === undefined) return undefined;
  const made = momentOf(one);
  if (made === undefined) return { reason: 'how old it is, neither its signer says nor a timestamp proves', isAge: true };
  return now.getTime() - made.time.getTime() > entry.maxAge
    ? { reason: `it is too old: ${made.time.toISOString()}`, isAge: true }
    : undefined;
}

/**
 * When a statement was made: no later than what is proven, whatever its signer writes. A proven time alone may be later than
 * the signature: anybody can have an old one timestamped again.
 */
function momentOf({ statement: { issued }, times }: VerifiedAttestation): JudgedAttestation['time'] {
  const proven = times.map(({ time }) => time).sort((a, b) => a.getTime() - b.getTime())[0];
  if (issued !== undefined && (proven === undefined || issued <= proven)) return { time: issued, by: 'issued' };
  return proven && { time: proven, by: 'proven' };
}

function everyone(valid: readonly VerifiedAttestation[], own: ReadonlySet<Principal>): readonly Signed[] {
  return valid.flatMap((one) => one.signedBy.flatMap(({ principal }) => (own.has(principal) ? [signedOf(one, principal)] : [])));
}

function signedOf({ statement, bundle, signer }: VerifiedAttestation, principal: Principal): Signed {
  return { principal, modelId: statement.modelId, bundle, key: signer.id };
}

interface Failure {
  readonly bound: MetricBound;
  readonly value: number;
  readonly by: VerifiedAttestation;
}

/** Of each signer the newest number counts, and none of them may be out of bounds: who was asked and says no is not outvoted. */
function measured(
  { metrics }: AttestationRule,
  valid: readonly VerifiedAttestation[],
  own: ReadonlySet<Principal>,
): { readonly counted: readonly Signed[]; readonly failures: readonly Failure[] } {
  const counted: Signed[] = [];
  const failures = new Map<string, Failure>();
  for (const principal of own) {
    const mine = valid.filter(({ signedBy }) => signedBy.some((signed) => signed.principal === principal));
    const all = metrics.map((bound) =>
      newest(mine.filter(({ statement }) => statement.metrics.has(bound.name))).map((by) => ({ bound, by })),
    );
    const numbers = all.flat().map(({ bound, by }) => ({ bound, by, value: by.statement.metrics.get(bound.name) ?? Number.NaN }));
    const wrong = numbers.filter(({ bound, value }) => !meetsBound(bound, value));
    for (const failure of wrong) failures.set(`${failure.bound.name} ${failure.by.bundle}`, failure);
    if (wrong.length === 0 && all.every((found) => found.length > 0)) counted.push(...numbers.map(({ by }) => signedOf(by, principal)));
  }
  return { counted, failures: [...failures.values()] };
}

/** Why the numbers of a statement whose signer is asked for do not count. */
function unmeasured({ metrics }: AttestationRule, { statement }: VerifiedAttestation): string {
  const absent = metrics.filter(({ name }) => !statement.metrics.has(name)).map(({ name }) => name);
  return absent.length > 0 ? `it gives no number for ${absent.join(', ')}` : 'a newer one of its signer counts, or one is out of bounds';
}

/** Those made last; and those of which nobody knows when. */
function newest(statements: readonly VerifiedAttestation[]): readonly VerifiedAttestation[] {
  const dated = statements.map((one) => ({ one, time: momentOf(one)?.time.getTime() }));
  const last = dated.reduce((latest, { time }) => (time !== undefined && time > latest ? time : latest), Number.NEGATIVE_INFINITY);
  return dated.filter(({ time }) => time === undefined || time === last).map(({ one }) => one);
}

function describe(one: VerifiedAttestation, reason: string | undefined): JudgedAttestation {
  const { bundle, bundleDigest, statement, signedBy, signer, times } = one;
  return {
    bundle,
    sha256: bundleDigest,
    statement: statement.digest,
    principals: [...new Set(signedBy.map(({ principal }) => principal.name))],
    signer: signer.description,
    by: { signer, times },
    time: momentOf(one),
    reason,
  };
}

function metricFinding({ name }: AttestationRule, { bound, value, by }: Failure): Finding {
  return {
    code: 'metric-not-met',
    severity: 'rejected',
    message: `the newest ${name} of ${by.signedBy[0]?.principal.name ?? 'a signer'} is out of bounds: ${bound.name}`,
    subject: by.bundle,
    expected: bound.text,
    got: String(value),
    suggestion: 'do not deploy this model; where it was evaluated wrongly, have it evaluated again by the same signer',
  };
}

/** The finding about an entry that is not met. */
function lacking(
  entry: AttestationRule,
  ofType: readonly VerifiedAttestation[],
  refusals: ReadonlyMap<VerifiedAttestation, Refusal>,
  counted: readonly Signed[],
  looked: readonly JudgedAttestation[],
  { rule, unseen, dropped = [] }: AttestationQuestion,
): Finding {
  const { name, signedBy, role } = entry;
  const expected = signedBy.map(({ text }) => text).join(', and ');
  const names = [...new Set(counted.map(({ principal }) => principal.name))].join(', ');
  const old = ofType.filter((one) => refusals.get(one)?.isAge);
  const own = new Set(signedBy.flatMap(({ of }) => of));
  const withOld = [...counted, ...everyone(old, own)];
  const isOld = old.length > 0 && signedBy.every((requirement) => countSigners(requirement, withOld) >= requirement.threshold);
  const others = [...looked, ...dropped.filter(({ type }) => type === undefined || type === entry.type)];
  const reasons = others.flatMap(({ bundle, reason }) => (reason === undefined ? [] : [`${basename(bundle)}: ${reason}`]));
  const more = reasons.length - MOST_NAMED;
  const next = role === undefined ? 'have it attested: mlsign attest' : `have it approved: mlsign approve MODEL --role ${role}`;
  return {
    code: isOld ? 'attestation-too-old' : counted.length > 0 ? 'attestation-signer-missing' : 'attestation-missing',
    severity: unseen === undefined ? 'rejected' : 'undetermined',
    message: isOld
      ? `the ${name} is too old, or has expired`
      : counted.length > 0
        ? `too few signers stand behind the ${name}`
        : `the model has no ${name} that counts`,
    subject: `rule ${rule}`,
    expected,
    got: [
      names === '' ? 'nobody' : names,
      ...(others.length === 0 ? ['there is no such statement'] : reasons.slice(0, MOST_NAMED)),
      ...(more > 0 ? [`and ${more} more that do not count`] : []),
      ...(unseen === undefined ? [] : [unseen]),
    ].join('; '),
    suggestion: next,
  };
}
