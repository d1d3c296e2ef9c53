import { basename, dirname, join, resolve } from 'node:path';
import { type Check, type Clock, type Finding, systemClock, usage, type Verdict, verdictOf } from '../core/index.ts';
import { type Manifest, rootDigest } from '../formats/index.ts';
import { modelId, openSource, type Source } from '../model/index.ts';
import { modelLocation, type Policy, selectRule } from '../policy/index.ts';
import { checkContent, type Unsigned } from './check-content.ts';
import type { EngineOptions } from './hash-model.ts';
import { nameInside, withoutLinks } from './locations.ts';
import { type EvidenceOptions, openSignatures, type SignatureResult } from './open-signatures.ts';

/** What must hold for a model, and how its bytes are hashed. */
export interface VerifyModelOptions extends EngineOptions, EvidenceOptions {
  /** Without a policy there is no verification: `loadPolicy`, or `policyFromFlags`. */
  readonly policy: Policy;
  /** The bundles; the model's own signature and those in `<model>.mlsign/` unless given. */
  readonly signatures?: readonly string[] | undefined;
  readonly clock?: Clock | undefined;
}

/** Everything a verification saw, and its answer. */
export interface Verification {
  readonly verdict: Verdict;
  readonly source: Source;
  readonly policy: { readonly source: string; readonly digest?: string | undefined; readonly rule: string };
  readonly signatures: readonly SignatureResult[];
  /** What the counted signatures cover; absent where the rule is not satisfied. */
  readonly signed?:
    | { readonly name: string; readonly manifest: Manifest; readonly modelId: string; readonly modelDigest: string }
    | undefined;
  /** What was hashed; absent where the signatures were not enough, and so no byte was read. */
  readonly read?: { readonly files: number; readonly bytes: number; readonly engine: 'native' | 'wasm' } | undefined;
  readonly unsigned: Unsigned;
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
  const source = await openSource(path);
  const { policy } = options;
  await refusePolicyInside(source, policy);
  const rule = selectRule(policy, modelLocation(source.path));
  const opened = await openSignatures(source, policy, rule, options.signatures, (options.clock ?? systemClock)(), options);
  const { signatures, counted } = opened;
  const base = { source, policy: { source: policy.source, digest: policy.digest, rule: rule.name }, signatures };
  const verdict = verdictOf(opened.findings);
  const [first, ...others] = counted;
  if (first === undefined || verdict !== 'verified') {
    const skipped: Check = { name: 'model-content', status: 'skipped', detail: 'no byte was read, because the signatures did not pass' };
    const unsigned = { ignored: [], empty: [], extra: [] };
    return { ...base, verdict, unsigned, checks: [...opened.checks, skipped], findings: opened.findings };
  }
  const content = await checkContent(source, rule, [first, ...others], {
    ...options,
    signatures: signatures.flatMap(({ path, isRead }) => (isRead ? [path] : [])),
  });
  const { manifest, subjectName } = first.statement;
  const findings = [...opened.findings, ...content.findings];
  return {
    ...base,
    verdict: verdictOf(findings),
    signed: { name: subjectName, manifest, modelId: modelId(manifest), modelDigest: rootDigest(manifest.resources) },
    read: {
      files: content.hashed.files.length - content.hashed.unhashed.length,
      bytes: content.hashed.bytes,
      engine: content.hashed.engine,
    },
    unsigned: content.unsigned,
    checks: [...opened.checks, ...content.checks],
    findings,
  };
}

async function refusePolicyInside(source: Source, policy: Policy): Promise<void> {
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
