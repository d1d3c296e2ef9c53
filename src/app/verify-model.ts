import { basename, dirname, join, resolve } from 'node:path';
import { type Check, type Clock, type Finding, systemClock, usage, type Verdict, verdictOf } from '../core/index.ts';
import { type Manifest, rootDigest } from '../formats/index.ts';
import type { RequiredAttestation } from '../gate/index.ts';
import type { Lineage } from '../lineage/index.ts';
import type { Source } from '../model/index.ts';
import { modelLocation, type Policy, selectRule } from '../policy/index.ts';
import type { SummaryOptions } from './accept-summary.ts';
import { checkContent, type Unsigned } from './check-content.ts';
import type { FormatEvidence } from './check-formats.ts';
import type { LineageOptions } from './check-lineage.ts';
import type { RevocationEvidence, RevocationOptions } from './check-revocations.ts';
import type { EngineOptions } from './hash-model.ts';
import { nameInside, withoutLinks } from './locations.ts';
import { openModel } from './open-model.ts';
import type { Candidate, EvidenceOptions, SignatureResult } from './open-signatures.ts';
import { openUnrevoked } from './open-unrevoked.ts';
import type { StoredEvidence } from './stored-evidence.ts';

/** What must hold for a model, and how its bytes are hashed. */
export interface VerifyModelOptions extends EngineOptions, EvidenceOptions, RevocationOptions, LineageOptions, SummaryOptions {
  /** Without a policy there is no verification: `loadPolicy`, or `policyFromFlags`. */
  readonly policy: Policy;
  /** The bundles; the model's own signature and those in `<model>.mlsign/` unless given. */
  readonly signatures?: readonly string[] | undefined;
  readonly clock?: Clock | undefined;
}

/** One bundle that was looked at, and whether it counts. */
export interface JudgedSignature extends SignatureResult {
  /** Whether it is one of those by which the rule is satisfied for this model. */
  readonly counted: boolean;
}

/** Everything a verification saw, and its answer. */
export interface Verification {
  readonly verdict: Verdict;
  readonly source: Pick<Source, 'kind' | 'path' | 'name'>;
  readonly policy: { readonly source: string; readonly digest?: string | undefined; readonly rule: string };
  readonly signatures: readonly JudgedSignature[];
  /** What the counted signatures cover; absent where the rule is not satisfied. */
  readonly signed?:
    | { readonly name: string; readonly manifest: Manifest; readonly modelId: string; readonly modelDigest: string }
    | undefined;
  /** What was hashed; absent where the signatures were not enough, and so no byte was read. */
  readonly read?: { readonly files: number; readonly bytes: number; readonly engine: 'native' | 'wasm' } | undefined;
  readonly unsigned: Unsigned;
  /** What the files are by their bytes; absent where none was to be read. */
  readonly formats?: FormatEvidence | undefined;
  /** Every list by which the model was judged. */
  readonly revocations: readonly RevocationEvidence[];
  /** What the model was made from, where that was asked for. */
  readonly lineage?: Lineage | undefined;
  /** Which statements about it were asked for, and what became of them. */
  readonly attestations?: readonly RequiredAttestation[] | undefined;
  /** The model that this one is loaded with, where that was asked for. */
  readonly base?: Verification | undefined;
  /** Of a release in a store. */
  readonly stored?: StoredEvidence | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/**
 * Verifies a model: its signatures first, then every byte. All problems are reported, not just the first.
 *
 * @param path the model
 * @returns the verdict with all evidence; a failed check is a finding, never an exception
 * @throws MlsignError for what no verdict covers: no such model, a policy without a matching rule, wrong options
 * @example
 * const policy = policyFromFlags({ trustKeys: [{ where: 'release.pub', pem: await readFile('release.pub') }] });
 * const { verdict, findings } = await verifyModel('my-model', { policy });
 */
export async function verifyModel(path: string, options: VerifyModelOptions): Promise<Verification> {
  return await verifySource(await openModel(path, options), options);
}

/** Verifies a model that is open already, as {@link verifyModel} does. */
export async function verifySource(source: Source, options: VerifyModelOptions): Promise<Verification> {
  const { policy } = options;
  await refusePolicyInside(source, policy);
  const rule = selectRule(policy, modelLocation(source.path));
  const now = (options.clock ?? systemClock)();
  const opened = await openUnrevoked(source, policy, rule, now, options);
  const base = {
    revocations: opened.revoked.lists,
    lineage: opened.lineage,
    attestations: opened.attestations,
    source,
    policy: { source: policy.source, digest: policy.digest, rule: rule.name },
  };
  const verdict = verdictOf(opened.findings);
  const [first, ...others] = opened.candidates;
  if (first === undefined || verdict !== 'verified') {
    const skipped: Check = {
      name: 'model-content',
      status: 'skipped',
      detail: 'no byte was read, because what comes before it did not pass',
    };
    const unsigned = { ignored: [], empty: [], extra: [] };
    const checks = [...opened.checks, ...(first?.checks ?? []), skipped];
    return { ...base, verdict, signatures: judged(opened.signatures, first), unsigned, checks, findings: opened.findings };
  }
  const { candidate, hashed, unsigned, formats, ...content } = await checkContent(source, opened.rule, [first, ...others], {
    ...options,
    signatures: opened.signatures.flatMap(({ path, isRead }) => (isRead ? [path] : [])),
  });
  const { manifest, subjectName } = candidate.statements[0].statement;
  const findings = [...opened.findings, ...content.findings];
  return {
    ...base,
    verdict: verdictOf(findings),
    signatures: judged(opened.signatures, candidate),
    signed: { name: subjectName, manifest, modelId: candidate.modelId, modelDigest: rootDigest(manifest.resources) },
    read: { files: hashed.files.length - hashed.unhashed.length, bytes: hashed.bytes, engine: hashed.engine },
    unsigned,
    formats,
    checks: [...opened.checks, ...candidate.checks, ...content.checks],
    findings,
  };
}

/** Which of the bundles count. */
export function judged(signatures: readonly SignatureResult[], counted: Candidate | undefined): readonly JudgedSignature[] {
  return signatures.map((signature) => {
    const { statement } = signature;
    return { ...signature, counted: statement !== undefined && counted?.statements.includes(statement) === true };
  });
}

/** @throws MlsignError `policy-inside-model` */
export async function refusePolicyInside(source: Pick<Source, 'kind' | 'path'>, policy: Policy): Promise<void> {
  const root = { kind: source.kind, path: await withoutLinks(source.path) };
  for (const file of policy.files) {
    // A link inside the model is as much its makers' as a file that lies there, whatever path leads to either.
    const parent = await withoutLinks(dirname(resolve(file)));
    const places = [join(parent, basename(file)), await withoutLinks(file)];
    if (!places.some((place) => nameInside(root, place) !== undefined)) continue;
    throw usage('policy-inside-model', 'the policy, or a key that is trusted, lies inside the model that it judges', {
      subject: file,
      suggestions: ['keep policies and trusted keys where those who make the model cannot change them'],
    });
  }
}
