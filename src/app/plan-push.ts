import { realpath } from 'node:fs/promises';
import { type Check, type Clock, type Finding, refused, systemClock, type Verdict, verdictOf } from '../core/index.ts';
import { MAX_BUNDLE_BYTES, type Manifest } from '../formats/index.ts';
import { compareModel, expectedFiles, listModel, type Source } from '../model/index.ts';
import type { Policy, Rule } from '../policy/index.ts';
import { type FileUpload, layoutOf, type Store, type StoreLocation } from '../store/index.ts';
import { checkContent } from './check-content.ts';
import { type CheckedFormats, FormatExaminer, formatsSkipped } from './check-formats.ts';
import { examineListed } from './check-formats-local.ts';
import type { RevocationOptions } from './check-revocations.ts';
import { type CheckContentOptions, planHashing } from './hash-candidates.ts';
import type { EngineOptions } from './hash-model.ts';
import { defaultSignaturePath, SIGNATURE_NAME } from './locations.ts';
import { innerSignaturePath, sourceAsSigned } from './open-model.ts';
import type { Candidate, EvidenceOptions, SignatureResult } from './open-signatures.ts';
import { openUnrevoked } from './open-unrevoked.ts';
import { isStreamed, openToPush, planArchive } from './plan-archive.ts';
import { planAttestations } from './plan-attestations.ts';
import { ruleAt } from './release-trust.ts';
import { refusePolicyInside } from './verify-model.ts';

/** Under what a model is looked at before it is pushed. */
export interface PlanPushOptions extends EvidenceOptions, EngineOptions, RevocationOptions {
  readonly store: Store;
  /** What must hold for the model where it will lie. */
  readonly policy: Policy;
  /** The bundles; the model's own signature and those in `<model>.mlsign/` unless given. */
  readonly signatures?: readonly string[] | undefined;
  readonly clock?: Clock | undefined;
}

/** A file that a push sends. */
export interface PlannedFile extends FileUpload {
  readonly name: string;
}

/** A bundle that a push sends. */
export interface PlannedBundle {
  readonly path: string;
  /** SHA-256 of its bytes, hex. */
  readonly digest: string;
  /** Where it is no file of its own. */
  readonly read?: (() => Promise<Uint8Array>) | undefined;
}

/** What a push would send. */
export interface PushContents {
  readonly kind: Source['kind'];
  readonly modelId: string;
  readonly manifest: Manifest;
  /** In code point order of their names: exactly the signed ones. */
  readonly files: readonly PlannedFile[];
  /** Those that count; the model's own first. */
  readonly bundles: readonly PlannedBundle[];
  /** Other statements about the model, unverified. */
  readonly attestations: readonly PlannedBundle[];
}

/** What a model's signatures and the names and sizes of its files say. */
export interface PushPlan {
  readonly verdict: Verdict;
  readonly source: Source;
  readonly rule: Rule;
  readonly signatures: readonly SignatureResult[];
  /** Absent where the verdict forbids a push. */
  readonly contents?: PushContents | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** S3's limit. */
const MAX_KEY_BYTES = 1024;

/**
 * Verifies a model's signatures under the rule for the place where it goes, and lists its files. Their bytes are compared
 * when they are sent.
 *
 * @throws MlsignError what `verifyModel` throws; `key-too-long`
 */
export async function planPush(path: string, location: StoreLocation, options: PlanPushOptions): Promise<PushPlan> {
  const { policy, clock = systemClock } = options;
  const source = await openToPush(path, options);
  await refusePolicyInside(source, policy);
  const rule = ruleAt(policy, location);
  const opened = await openUnrevoked(
    source,
    policy,
    rule,
    clock(),
    { ...options, summaries: 'none' },
    {
      store: options.store,
      prefix: location.prefix,
      location,
    },
  );
  const base = { source, rule, signatures: opened.signatures };
  const [first, ...others] = opened.candidates;
  const verdict = verdictOf(opened.findings);
  if (first === undefined || verdict !== 'verified') {
    return { ...base, verdict, checks: [...opened.checks, ...(first?.checks ?? [])], findings: opened.findings };
  }
  const listed = await listSigned(source, rule, [first, ...others], {
    ...options,
    signatures: opened.signatures.flatMap(({ path, isRead }) => (isRead ? [path] : [])),
  });
  const { candidate } = listed;
  const findings = [...opened.findings, ...listed.findings];
  const checks = [...opened.checks, ...candidate.checks, ...listed.checks];
  if (verdictOf(findings) !== 'verified') return { ...base, verdict: verdictOf(findings), checks, findings };
  const { modelId } = candidate;
  const layout = layoutOf(location);
  const files = listed.files.map((file) => ({ ...file, key: checkKey(layout.file(modelId, file.name)) }));
  const attested: Finding[] = [];
  const attestations = await planAttestations(source, modelId, attested);
  const contents = { kind: listed.kind, modelId, manifest: listed.manifest, files, bundles: bundlesOf(source, candidate), attestations };
  return { ...base, verdict: 'verified', contents, checks, findings: [...findings, ...attested] };
}

/** The signed files as they are listed, and everything that names and sizes show to be wrong. */
interface ListedFiles {
  readonly kind: Source['kind'];
  readonly candidate: Candidate;
  readonly manifest: Manifest;
  readonly files: readonly Omit<PlannedFile, 'key'>[];
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** The files that would be sent, of the one model that the signatures are about. */
async function listSigned(
  source: Source,
  rule: Rule,
  candidates: readonly [Candidate, ...Candidate[]],
  options: CheckContentOptions,
): Promise<ListedFiles> {
  // Which of several models it is, only the bytes tell.
  const candidate = candidates.length === 1 ? candidates[0] : (await checkContent(source, rule, candidates, options)).candidate;
  const { statement } = candidate.statements[0];
  if (isStreamed(source) && sourceAsSigned(source, statement).kind === 'archive') {
    const { file, checks, findings } = await planArchive(source, rule, [candidate], options.signatures, options);
    return { kind: 'archive', candidate, manifest: statement.manifest, files: file === undefined ? [] : [file], checks, findings };
  }
  const listed = await listFiles(source, rule, candidate, options.signatures);
  const formats = await examine(rule, listed, options.signal);
  const checks = [filesCheck(listed.findings, listed.files.length), formats.check];
  return { ...listed, candidate, checks, findings: [...listed.findings, ...formats.findings] };
}

async function listFiles(model: Source, rule: Rule, candidate: Candidate, excluded: readonly string[]) {
  const { manifest } = candidate.statements[0].statement;
  const { source, serialization, names } = await planHashing(model, rule, candidate);
  if (source.kind === 'archive') throw new Error('an archive that is signed by its content is streamed');
  const { files, model: listed } = await listModel(source, { serialization, excluded, signed: names });
  const findings = compareModel(manifest, listed, { ignoreUnsigned: rule.ignoreUnsigned }).filter(({ code }) => code !== 'file-not-hashed');
  const signed = expectedFiles(manifest, source);
  const { hashType: algorithm, shardSize } = manifest.serialization;
  const planned: Omit<PlannedFile, 'key'>[] = [];
  const wrong: Finding[] = [];
  for (const { name, path, identity, followLink } of files) {
    const file = signed.get(name);
    if (file === undefined) continue;
    if (file.size !== undefined && file.size !== identity.size) wrong.push(otherSize(name, file.size, identity.size));
    const real = followLink === true ? await realpath(path).catch(() => path) : path;
    planned.push({ name, path: real, identity, signed: { algorithm, shardSize, digests: file.digests } });
  }
  return { kind: source.kind, manifest, files: planned, findings: [...findings, ...wrong] };
}

/** Looks at what would be sent: nothing of a model that is refused goes up. */
async function examine(
  { formats }: Rule,
  { files, findings }: Pick<ListedFiles, 'files' | 'findings'>,
  signal: AbortSignal | undefined,
): Promise<CheckedFormats> {
  if (verdictOf(findings) !== 'verified')
    return formatsSkipped(formats, 'no file was looked at, because the files are not the signed ones');
  const examiner = new FormatExaminer(formats, signal);
  for (const file of files) examineListed(examiner, file);
  return await examiner.finish();
}

function otherSize(subject: string, expected: number, got: number): Finding {
  return {
    code: got < expected ? 'file-truncated' : 'file-grown',
    severity: 'rejected',
    message: got < expected ? 'a file was cut short after it was signed' : 'a file has grown after it was signed',
    subject,
    expected: `${expected} bytes`,
    got: `${got} bytes`,
    suggestion: 'put the signed file back, or have the model signed again if the change is meant',
  };
}

function bundlesOf(source: Source, { statements }: Candidate): readonly PlannedBundle[] {
  const own = defaultSignaturePath(source);
  const bundles = statements.map(({ bundle, bundleDigest, statement }): PlannedBundle => {
    if (source.kind !== 'archive' || bundle !== innerSignaturePath(source)) return { path: bundle, digest: bundleDigest };
    const { hashType: algorithm, shardSize } = statement.manifest.serialization;
    const read = async () => (await source.contents.read(SIGNATURE_NAME, MAX_BUNDLE_BYTES, { algorithm, shardSize })) ?? Buffer.alloc(0);
    return { path: bundle, digest: bundleDigest, read };
  });
  const ordered = [...bundles.filter(({ path }) => path === own), ...bundles.filter(({ path }) => path !== own)];
  return [...new Map(ordered.map((bundle) => [bundle.digest, bundle])).values()];
}

function checkKey(key: string): string {
  const bytes = Buffer.byteLength(key);
  if (bytes <= MAX_KEY_BYTES) return key;
  throw refused('key-too-long', 'the name of a file is too long for a store: with the place of the model it is longer than S3 allows', {
    subject: key,
    expected: `at most ${MAX_KEY_BYTES} bytes`,
    got: `${bytes} bytes`,
    suggestions: ['use a shorter prefix, or shorter names'],
  });
}

function filesCheck(findings: readonly Finding[], count: number): Check {
  const wrong = findings.filter(({ severity }) => severity === 'rejected' || severity === 'undetermined').length;
  return {
    name: 'model-files',
    status: wrong > 0 ? 'failed' : 'passed',
    detail: wrong > 0 ? `signed files found: ${count}; what is wrong: ${wrong}` : `every signed file is there, and no other: ${count}`,
  };
}
