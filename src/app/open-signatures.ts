import { lstat } from 'node:fs/promises';
import { type Check, errorFinding, type Finding, MlsignError, readCapped } from '../core/index.ts';
import { MAX_BUNDLE_BYTES, type OmsStatement } from '../formats/index.ts';
import { type ArchiveSource, modelId, type Source } from '../model/index.ts';
import { evaluateSigners, type Policy, type Rule } from '../policy/index.ts';
import { type EnvelopeOptions, openBundle, StatementStore, type VerifiedStatement } from '../verify/index.ts';
import { furtherSignatures } from './further-signatures.ts';
import { defaultSignaturePath } from './locations.ts';
import { innerSignaturePath, readInnerSignature } from './open-model.ts';

/** One bundle that was looked at. */
export interface SignatureResult {
  readonly path: string;
  /** Whether it is a file that could be read. */
  readonly isRead: boolean;
  /** What it says, where its signature is that of a trusted signer. */
  readonly statement?: VerifiedStatement | undefined;
}

/** Statements that together satisfy a rule, all about one model id. */
export interface Candidate {
  readonly modelId: string;
  readonly statements: readonly [VerifiedStatement, ...VerifiedStatement[]];
  /** Who signed it, requirement by requirement. */
  readonly checks: readonly Check[];
}

/** What a model's signatures prove under a rule. */
export interface OpenedSignatures {
  readonly signatures: readonly SignatureResult[];
  /** In the order of the bundles; none where the rule is not satisfied. Which of them is about this model, its files tell. */
  readonly candidates: readonly Candidate[];
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** Whom to believe about times and logs. */
export type EvidenceOptions = Pick<
  EnvelopeOptions,
  'trustedRoot' | 'timestampRoots' | 'checkEvidence' | 'refuseSigner' | 'refuseStatement'
>;

/** A bundle to look at. */
export interface BundleSource {
  /** A path, or the name of an object. */
  readonly path: string;
  /**
   * Reads it; undefined where there is none after all.
   *
   * @param isSatisfied tells whether the rule is satisfied without it
   */
  read(isSatisfied?: () => boolean): Promise<Uint8Array | undefined>;
}

/** How bundles are looked at. */
export interface OpenBundlesOptions extends EvidenceOptions {
  readonly now: Date;
  /** Whether each bundle is there because somebody says so: then each must be sound. */
  readonly isNamed: boolean;
}

/**
 * The named bundles, or the model's own and those in its companion directory; nothing is read yet.
 *
 * @param findings gets `too-many-signatures`
 */
export async function signatureSources(
  source: Source,
  named: readonly string[] | undefined,
  findings: Finding[],
): Promise<readonly BundleSource[]> {
  const read = (path: string): BundleSource => ({ path, read: () => readCapped(path, MAX_BUNDLE_BYTES, 'signature') });
  if (named !== undefined) return named.map(read);
  const further = (await furtherSignatures(source, findings)).map(read);
  const own = read(defaultSignaturePath(source));
  if (source.kind !== 'archive') return [own, ...further];
  // The archive itself is opened last: what lies beside it may tell already that somebody trusted has signed it.
  if (await isThere(own.path)) return [own, ...further, innerBundle(source, own.path)];
  return [await onlyBundle(source, own), ...further];
}

/** The bundle inside an archive that has another one beside it. */
function innerBundle(source: ArchiveSource, beside: string): BundleSource {
  const read: BundleSource['read'] = async (isSatisfied) => {
    try {
      return await readInnerSignature(source, beside, isSatisfied?.());
    } catch (error) {
      if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
      // What is wrong with the archive is told where its content is looked at, which needs a signature.
      return undefined;
    }
  };
  return { path: innerSignaturePath(source), read };
}

/** The bundle inside an archive that has none beside it; where there is none either, the one that is missing. */
async function onlyBundle(source: ArchiveSource, beside: BundleSource): Promise<BundleSource> {
  const path = innerSignaturePath(source);
  try {
    const bytes = await readInnerSignature(source, beside.path);
    return bytes === undefined ? beside : { path, read: async () => bytes };
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    return { path, read: () => Promise.reject(error) };
  }
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** Opens the named bundles, or the model's own and those in its companion directory, and counts their signers. */
export async function openSignatures(
  source: Source,
  policy: Policy,
  rule: Rule,
  named: readonly string[] | undefined,
  now: Date,
  evidence: EvidenceOptions = {},
): Promise<OpenedSignatures> {
  const listing: Finding[] = [];
  const bundles = await signatureSources(source, named, listing);
  return openBundles(bundles, policy, rule, { ...evidence, now, isNamed: named !== undefined }, listing);
}

/**
 * Opens bundles, one after the other, and counts their signers.
 *
 * @param listing what was seen while they were looked for
 */
export async function openBundles(
  bundles: readonly BundleSource[],
  policy: Policy,
  rule: Rule,
  { now, isNamed, trustedRoot: loadRoot, timestampRoots, checkEvidence, refuseSigner, refuseStatement }: OpenBundlesOptions,
  listing: readonly Finding[] = [],
): Promise<OpenedSignatures> {
  let root: ReturnType<NonNullable<typeof loadRoot>> | undefined;
  // One update of the trusted root is enough for all bundles.
  const trustedRoot = loadRoot && (() => (root ??= loadRoot()));
  const checks: Check[] = [];
  const findings = [...listing];
  const signatures: SignatureResult[] = [];
  const statements = new StatementStore<OmsStatement>();
  const { allowLegacy, require, maxAge } = rule;
  const evidence = { trustedRoot, timestampRoots, checkEvidence, refuseSigner, refuseStatement };
  const options = { ...evidence, now, allowLegacy, require, maxAge, statements };
  for (const source of bundles) {
    const { path } = source;
    const bytes = await readSignature(source, () => countSigners(rule, signatures).candidates.length > 0);
    if (bytes === undefined) continue;
    if (bytes instanceof MlsignError) {
      findings.push(unreadable(bytes, path));
      signatures.push({ path, isRead: false });
      continue;
    }
    const opened = await openBundle(bytes, path, policy.principals, options);
    checks.push(...opened.checks);
    findings.push(...opened.findings);
    signatures.push({ path, isRead: true, statement: opened.verified });
  }
  if (signatures.every(({ isRead }) => !isRead)) {
    checks.push({ name: 'signature', status: 'could-not-run', detail: 'no signature could be read' });
    return { signatures, candidates: [], checks, findings };
  }
  const { candidates, missing } = countSigners(rule, signatures);
  if (candidates.length === 0) checks.push(...missing.checks);
  // A bundle that nobody named and that nothing depends on cannot spoil what the others prove.
  const isSpare = !isNamed && candidates.length > 0;
  // Who has signed cannot be told while a bundle could not be judged.
  const isOpen = findings.some(({ severity }) => severity === 'undetermined');
  const lacking = isOpen ? missing.findings.map((finding) => ({ ...finding, severity: 'undetermined' as const })) : missing.findings;
  return { signatures, candidates, checks, findings: [...(isSpare ? findings.map(asWarning) : findings), ...lacking] };
}

/** The model ids for which the rule is satisfied; what is missing where there is none. */
function countSigners(rule: Rule, signatures: readonly SignatureResult[]) {
  const verified = signatures.flatMap(({ statement }) => (statement === undefined ? [] : [statement]));
  const ids = new Map<OmsStatement, string>();
  for (const { statement } of verified) if (!ids.has(statement)) ids.set(statement, modelId(statement.manifest));
  const signed = verified.flatMap(({ statement, bundle, signer, signedBy }) =>
    signedBy.map(({ principal }) => ({ principal, modelId: ids.get(statement) ?? '', bundle, key: signer.id })),
  );
  const missing = evaluateSigners(rule, signed);
  const candidates = missing.satisfied.flatMap(({ modelId, bundles }): readonly Candidate[] => {
    const [first, ...others] = verified.filter(({ bundle, statement }) => bundles.includes(bundle) && ids.get(statement) === modelId);
    if (first === undefined) return [];
    const { checks } = evaluateSigners(
      rule,
      signed.filter((entry) => entry.modelId === modelId),
    );
    return [{ modelId, statements: [first, ...others], checks }];
  });
  return { candidates, missing };
}

async function readSignature(source: BundleSource, isSatisfied: () => boolean): Promise<Uint8Array | MlsignError | undefined> {
  try {
    return await source.read(isSatisfied);
  } catch (error) {
    if (error instanceof MlsignError && error.outcome !== 'interrupted') return error;
    throw error;
  }
}

function unreadable(error: MlsignError, path: string): Finding {
  const finding = errorFinding(error, path);
  if (error.code !== 'file-not-found') return finding;
  return {
    ...finding,
    code: 'signature-not-found',
    message: 'there is no signature to verify',
    suggestion: path.endsWith('.sig.sig')
      ? 'name what is signed, not its signature'
      : 'sign the model (mlsign sign), or name its bundle with --signature',
  };
}

function asWarning(finding: Finding): Finding {
  return finding.severity === 'rejected' || finding.severity === 'undetermined' ? { ...finding, severity: 'warning' } : finding;
}
