import { type Check, type Finding, verdictOf } from '../core/index.ts';
import type { Manifest } from '../formats/index.ts';
import { compareModel, expectedFiles, type HashedModel, isIgnored, parseIgnorePath, type Source } from '../model/index.ts';
import type { Rule } from '../policy/index.ts';
import { type CheckedFormats, FormatExaminer } from './check-formats.ts';
import { examineHashed, examineIgnored, packedFile } from './check-formats-local.ts';
import { hashRenamed } from './find-renamed.ts';
import { CandidateHashing, type CheckContentOptions, type HashPlan, planHashing } from './hash-candidates.ts';
import type { Candidate } from './open-signatures.ts';

/** What lies in a model unsigned, and was accepted. */
export interface Unsigned {
  /** Paths that every counted signer, or the user, leaves out, and that exist. */
  readonly ignored: readonly string[];
  /** Zero-byte files, which a manifest of shards leaves out. */
  readonly empty: readonly string[];
  /** Files that no manifest names. */
  readonly extra: readonly string[];
}

/** What hashing a model and comparing it with a signed manifest showed. */
export interface CheckedContent {
  /** The signatures that count. */
  readonly candidate: Candidate;
  readonly hashed: HashedModel;
  readonly unsigned: Unsigned;
  /** What the files are; of those that lie there, signed or not. */
  readonly formats: CheckedFormats['evidence'];
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** The most model ids that a model is compared with. */
const MOST_TRIED = 8;

/**
 * Hashes a model and compares it with what the candidates sign, until it is what one of them says. Where it is none, the
 * answer is about the one that it comes closest to.
 *
 * @throws MlsignError `ignore-path-signed`
 */
export async function checkContent(
  source: Source,
  rule: Rule,
  candidates: readonly [Candidate, ...Candidate[]],
  options: CheckContentOptions,
): Promise<CheckedContent> {
  const plans = await planAll(source, rule, candidates.slice(0, MOST_TRIED));
  const examiner = new FormatExaminer(rule.formats, options.signal);
  const hashing = new CandidateHashing(plans, {
    ...options,
    onFile: examineHashed(examiner),
    onPacked: (name, file) => examiner.add(packedFile(name, file)),
  });
  const [first, ...others] = plans;
  let closest = compare(rule, first, await hashing.hash(first));
  for (const plan of others) {
    if (verdictOf(closest.findings) === 'verified') break;
    const next = compare(rule, plan, await hashing.hash(plan));
    // Only the best is kept: a finding a file of each would be more than the model's own list.
    if (rejections(next) < rejections(closest)) closest = next;
  }
  const { plan } = closest;
  const { manifest } = plan.candidate.statements[0].statement;
  const isVerified = verdictOf(closest.findings) === 'verified';
  const told = isVerified ? closest.hashed : await hashRenamed(hashing, plan, manifest, closest.hashed);
  const { hashed, findings } = told === closest.hashed ? closest : compare(rule, plan, told);
  const unsigned = unsignedFiles(rule, manifest, hashed);
  await examineIgnored(hashed.source, hashed.ignored, examiner);
  const formats = await examiner.finish();
  const checks = [
    ...notCounted(candidates, plan.candidate),
    contentCheck(manifest, hashed, findings),
    unsignedCheck(rule, unsigned, findings),
    formats.check,
  ];
  return {
    candidate: plan.candidate,
    hashed,
    unsigned,
    formats: formats.evidence,
    findings: [...findings, ...formats.findings],
    checks,
  };
}

async function planAll(source: Source, rule: Rule, candidates: readonly Candidate[]): Promise<readonly [HashPlan, ...HashPlan[]]> {
  const plans: HashPlan[] = [];
  const errors: unknown[] = [];
  // Of several candidates, one that cannot be meant does not spoil the others.
  for (const candidate of candidates)
    await planHashing(source, rule, candidate).then(
      (plan) => plans.push(plan),
      (error) => errors.push(error),
    );
  const [first, ...others] = plans;
  if (first === undefined) throw errors[0];
  return [first, ...others];
}

interface Compared {
  readonly plan: HashPlan;
  readonly hashed: HashedModel;
  readonly findings: readonly Finding[];
}

function compare(rule: Rule, plan: HashPlan, hashed: HashedModel): Compared {
  const { manifest } = plan.candidate.statements[0].statement;
  const findings = [...compareModel(manifest, hashed, { ignoreUnsigned: rule.ignoreUnsigned }), ...unacceptableHoles(rule, hashed)];
  return { plan, hashed, findings };
}

function rejections({ findings }: Compared): number {
  return findings.filter(({ severity }) => severity === 'rejected').length;
}

function unacceptableHoles(rule: Rule, { ignored }: HashedModel): readonly Finding[] {
  const { ignorePaths } = rule;
  if (ignorePaths === 'signed') return [];
  const own = rule.unsignedPaths.map(parseIgnorePath);
  return ignored
    .filter((path) => !isIgnored(path, [...ignorePaths, ...own]))
    .map((path) => ({
      code: 'ignored-path-not-accepted',
      severity: 'rejected',
      message: 'the signer left a path out that the policy does not accept unsigned',
      subject: path,
      expected: ignorePaths.length === 0 ? 'no ignored path in the model' : `only ${ignorePaths.join(', ')}`,
      suggestion: 'remove it from the model, or have the model signed with it',
    }));
}

function unsignedFiles({ ignoreUnsigned }: Rule, manifest: Manifest, { source, files, ignored, emptyFiles }: HashedModel): Unsigned {
  const accounted = new Set([...expectedFiles(manifest, source).keys(), ...emptyFiles]);
  const extra = ignoreUnsigned ? files.map(({ name }) => name).filter((name) => !accounted.has(name)) : [];
  return { ignored, empty: emptyFiles, extra };
}

/** The bundles of trusted signers that are about another model than the one that is there. */
function notCounted(candidates: readonly Candidate[], counted: Candidate): readonly Check[] {
  return candidates
    .filter((candidate) => candidate !== counted)
    .map(({ modelId, statements }, i) => {
      const why = i < MOST_TRIED - 1 ? 'which the files do not fit better' : 'which was not tried after so many others';
      const bundles = statements.map(({ bundle }) => bundle).join(', ');
      return { name: 'other-model', status: 'skipped', detail: `${bundles}: not counted: about model id ${modelId}, ${why}` };
    });
}

function contentCheck(manifest: Manifest, hashed: HashedModel, findings: readonly Finding[]): Check {
  const verdict = verdictOf(findings);
  const { method, hashType } = manifest.serialization;
  const files = hashed.files.length - hashed.unhashed.length;
  const how = `files hashed with ${hashType} as ${method}: ${files}, bytes: ${hashed.bytes}, signed digests compared: ${manifest.resources.length}`;
  return {
    name: 'model-content',
    status: verdict === 'verified' ? 'passed' : verdict === 'rejected' ? 'failed' : 'could-not-run',
    detail: how,
  };
}

function unsignedCheck({ ignoreUnsigned }: Rule, { ignored, empty, extra }: Unsigned, findings: readonly Finding[]): Check {
  const name = 'unsigned-files';
  const refused = findings.filter(({ code }) => code === 'file-extra' || code === 'ignored-path-not-accepted').length;
  if (refused > 0) return { name, status: 'failed', detail: `in the model but not signed, and not accepted: ${refused}` };
  const accepted = [
    ...(extra.length > 0 ? [`${extra.length} ${extra.length === 1 ? 'file' : 'files'}`] : []),
    ...(empty.length > 0 ? [`${empty.length} zero-byte ${empty.length === 1 ? 'file' : 'files'}`] : []),
    ...(ignored.length > 0 ? [`ignored ${ignored.join(', ')}`] : []),
  ];
  const detail = accepted.length === 0 ? 'every file in the model is signed' : `not signed, and accepted: ${accepted.join('; ')}`;
  return {
    name,
    status: ignoreUnsigned ? 'skipped' : 'passed',
    detail: ignoreUnsigned ? `${detail}; any unsigned file is accepted` : detail,
  };
}
