import { type Check, type Finding, MlsignError, readCapped } from '../core/index.ts';
import { MAX_BUNDLE_BYTES } from '../formats/index.ts';
import { modelId, type Source } from '../model/index.ts';
import { evaluateSigners, type Policy, type Rule } from '../policy/index.ts';
import { type EnvelopeOptions, openBundle, type VerifiedStatement } from '../verify/index.ts';
import { companionSignatures, defaultSignaturePath } from './locations.ts';

/** One bundle that was looked at. */
export interface SignatureResult {
  readonly path: string;
  /** Whether it is a file that could be read. */
  readonly isRead: boolean;
  /** What it says, where its signature is that of a trusted signer. */
  readonly statement?: VerifiedStatement | undefined;
}

/** What a model's signatures prove under a rule. */
export interface OpenedSignatures {
  readonly signatures: readonly SignatureResult[];
  /** The statements that satisfy the rule, all about one model id; none where it is not satisfied. */
  readonly counted: readonly VerifiedStatement[];
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** Whom to believe about times and logs. */
export type EvidenceOptions = Pick<EnvelopeOptions, 'trustedRoot' | 'timestampRoots' | 'checkEvidence'>;

/** Opens the named bundles, or the model's own and those in its companion directory, and counts their signers. */
export async function openSignatures(
  source: Source,
  policy: Policy,
  rule: Rule,
  named: readonly string[] | undefined,
  now: Date,
  { trustedRoot: loadRoot, timestampRoots, checkEvidence }: EvidenceOptions = {},
): Promise<OpenedSignatures> {
  let root: ReturnType<NonNullable<typeof loadRoot>> | undefined;
  // One update of the trusted root is enough for all bundles.
  const trustedRoot = loadRoot && (() => (root ??= loadRoot()));
  const paths = named ?? [defaultSignaturePath(source), ...(await companionSignatures(source))];
  const checks: Check[] = [];
  const findings: Finding[] = [];
  const signatures: SignatureResult[] = [];
  let unread = 0;
  for (const path of paths) {
    const bytes = await readSignature(path);
    if (bytes instanceof MlsignError) {
      unread++;
      findings.push(unreadable(bytes, path));
      signatures.push({ path, isRead: false });
      continue;
    }
    const { allowLegacy, require } = rule;
    const evidence = { trustedRoot, timestampRoots, checkEvidence, require };
    const opened = await openBundle(bytes, path, policy.principals, { now, allowLegacy, ...evidence });
    checks.push(...opened.checks);
    findings.push(...opened.findings);
    signatures.push({ path, isRead: true, statement: opened.verified });
  }
  if (unread === paths.length) {
    checks.push({ name: 'signature', status: 'could-not-run', detail: 'no signature could be read' });
    return { signatures, counted: [], checks, findings };
  }
  const verified = signatures.flatMap(({ statement }) => (statement === undefined ? [] : [statement]));
  const outcome = evaluateSigners(
    rule,
    verified.flatMap(({ statement, bundle, signer, signedBy }) =>
      signedBy.map(({ principal }) => ({ principal, modelId: modelId(statement.manifest), bundle, key: signer.id })),
    ),
  );
  checks.push(...outcome.checks);
  const [satisfied] = outcome.satisfied;
  const counted = verified.filter(({ bundle }) => satisfied?.bundles.includes(bundle));
  // A bundle that nobody named and that nothing depends on cannot spoil what the others prove.
  const isSpare = named === undefined && counted.length > 0;
  // Who has signed cannot be told while a bundle could not be judged.
  const isOpen = findings.some(({ severity }) => severity === 'undetermined');
  const missing = isOpen ? outcome.findings.map((finding) => ({ ...finding, severity: 'undetermined' as const })) : outcome.findings;
  return { signatures, counted, checks, findings: [...(isSpare ? findings.map(asWarning) : findings), ...missing] };
}

async function readSignature(path: string): Promise<Uint8Array | MlsignError> {
  try {
    return await readCapped(path, MAX_BUNDLE_BYTES, 'signature');
  } catch (error) {
    if (error instanceof MlsignError) return error;
    throw error;
  }
}

function unreadable(error: MlsignError, path: string): Finding {
  const isMissing = error.code === 'file-not-found';
  return {
    code: isMissing ? 'signature-not-found' : error.code,
    severity: error.outcome === 'unavailable' ? 'undetermined' : 'rejected',
    message: isMissing ? 'there is no signature to verify' : error.message,
    subject: path,
    expected: error.expected,
    got: error.got,
    suggestion: isMissing ? 'sign the model (mlsign sign), or name its bundle with --signature' : error.suggestions[0],
  };
}

function asWarning(finding: Finding): Finding {
  return finding.severity === 'rejected' || finding.severity === 'undetermined' ? { ...finding, severity: 'warning' } : finding;
}
