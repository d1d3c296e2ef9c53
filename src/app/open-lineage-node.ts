import { compareCodePoints, errorFinding, type Finding, MlsignError, sha256Hex } from '../core/index.ts';
import {
  claimsPredicateType,
  groupByFile,
  type Manifest,
  type OmsStatement,
  PROVENANCE_TYPE,
  type Provenance,
  parseBundle,
  parseOmsStatement,
  parseProvenance,
  type VerificationMaterial,
} from '../formats/index.ts';
import {
  type BundleFile,
  type ModelPlace,
  type NodeEvidence,
  type OpenedNode,
  openProvenance,
  otherModel,
  type ProvenanceClaim,
  type Revocations,
  type RevokedFile,
} from '../lineage/index.ts';
import { modelId } from '../model/index.ts';
import type { Policy, Rule, Signed } from '../policy/index.ts';
import { type EnvelopeOptions, openBundle, type VerifiedStatement } from '../verify/index.ts';
import { describeClaim } from './claimed-signer.ts';
import type { LineageIntake } from './lineage-intake.ts';

/** Whom to believe about the models of a lineage. */
export interface NodeTrust {
  readonly policy: Policy;
  readonly rule: Rule;
  readonly evidence: EnvelopeOptions;
  /** Files that are revoked are looked for in every model. */
  readonly revocations?: Revocations | undefined;
}

/** One signature of a model, verified or only claimed. */
interface NodeSignature {
  readonly name: string;
  readonly signer: string;
  readonly signed: readonly Signed[];
  readonly evidence: readonly NodeEvidence[];
  readonly time?: Date | undefined;
}

/**
 * Opens a model of a lineage: every bundle of it, once each. What is not about exactly this model does not count.
 *
 * @param place undefined where it was not found
 * @param trust nothing is verified without it
 * @param intake of the whole lineage
 * @param own signatures that are verified already
 */
export async function openLineageNode(
  id: string,
  place: ModelPlace | undefined,
  trust: NodeTrust | undefined,
  intake: LineageIntake,
  own?: readonly VerifiedStatement[],
): Promise<OpenedNode> {
  const signatureFindings: Finding[] = [];
  const findings: Finding[] = [];
  if (place === undefined) return { signed: [], signers: [], evidence: [], statements: [], signatureFindings, findings };
  const signatures: NodeSignature[] = own?.map((statement) => verifiedSignature(id, statement)) ?? [];
  let revokedFiles: readonly RevokedFile[] | undefined;
  // Copies of a model have copies of its bundles.
  const known = new Set<string>();
  for (const file of own === undefined ? await place.signatures(signatureFindings) : []) {
    const signature = await attempt(file, intake, signatureFindings, async (bytes) => {
      const digest = sha256Hex(bytes);
      if (known.has(digest)) return undefined;
      known.add(digest);
      // Its id is the digest of its manifest: whoever signed it, these are its files.
      if (trust?.revocations?.hasDigests === true) revokedFiles ??= filesRevoked(id, file, bytes, trust.revocations);
      return openSignature(id, file, bytes, trust, signatureFindings);
    });
    if (signature !== undefined) signatures.push(signature);
  }
  const statements: ProvenanceClaim[] = [];
  for (const file of await place.attestations(findings)) {
    const claim = await attempt(file, intake, findings, async (bytes) => {
      const digest = sha256Hex(bytes);
      if (known.has(digest)) return undefined;
      known.add(digest);
      return openClaim(id, file, bytes, trust, intake, findings);
    });
    if (claim !== undefined) statements.push(claim);
  }
  const times = signatures.flatMap(({ time }) => (time === undefined ? [] : [time])).sort((a, b) => a.getTime() - b.getTime());
  return {
    name: signatures[0]?.name,
    where: place.where,
    signed: signatures.flatMap(({ signed }) => signed),
    signers: [...new Set(signatures.map(({ signer }) => signer))],
    time: times[0],
    evidence: signatures.flatMap(({ evidence }) => evidence),
    statements,
    revokedFiles,
    signatureFindings,
    findings,
  };
}

/** What is wrong with one bundle does not hide the others. */
async function attempt<T>(
  file: BundleFile,
  intake: LineageIntake,
  findings: Finding[],
  open: (bytes: Uint8Array) => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await intake.read(file, open);
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    const finding = errorFinding(error, file.path);
    findings.push(file.isPinned ? finding : beside(finding));
    return undefined;
  }
}

/** Nobody named this bundle: bad ones beside good ones spoil nothing. */
function beside(finding: Finding): Finding {
  return finding.severity === 'rejected' ? { ...finding, severity: 'warning' } : finding;
}

async function openSignature(
  id: string,
  { path }: BundleFile,
  bytes: Uint8Array,
  trust: NodeTrust | undefined,
  findings: Finding[],
): Promise<NodeSignature | undefined> {
  if (trust === undefined) {
    const { envelope, material } = parseBundle(bytes, path);
    const { manifest, subjectName } = parseOmsStatement(envelope.payload, path, { allowLegacy: true });
    return aboutThis(id, path, modelId(manifest), findings)
      ? { name: subjectName, signer: describeClaim(material, path), signed: [], evidence: [] }
      : undefined;
  }
  const { policy, rule, evidence } = trust;
  const opened = await openBundle(bytes, path, policy.principals, { ...evidence, allowLegacy: rule.allowLegacy });
  findings.push(...opened.findings.map(beside));
  const { verified } = opened;
  if (verified === undefined || !aboutThis(id, path, modelId(verified.statement.manifest), findings)) return undefined;
  return verifiedSignature(id, verified);
}

function verifiedSignature(id: string, verified: VerifiedStatement<OmsStatement>): NodeSignature {
  const { statement, signedBy, signer, bundle, times } = verified;
  return {
    name: statement.subjectName,
    signer: `${signedBy.map(({ principal }) => principal.name).join(', ')} (${signer.description})`,
    signed: signedBy.map(({ principal }) => ({ principal, modelId: id, bundle, key: signer.id })),
    evidence: [evidenceOf(verified)],
    time: times[0]?.time,
  };
}

/** Without the statement, which may be large. */
function evidenceOf({ bundle, bundleDigest, signer, times }: VerifiedStatement<unknown>): NodeEvidence {
  return { bundle, bundleDigest, signer, times };
}

function aboutThis(id: string, subject: string, got: string, findings: Finding[]): boolean {
  if (got === id) return true;
  findings.push({
    code: 'signature-other-model',
    severity: 'warning',
    message: 'this signature is over another model, and does not count here',
    subject,
    expected: id,
    got,
  });
  return false;
}

/** Undefined where the bundle is about another model, or not to be read: which its signature is judged by. */
function filesRevoked(id: string, { path }: BundleFile, bytes: Uint8Array, revocations: Revocations): readonly RevokedFile[] | undefined {
  let manifest: Manifest;
  try {
    manifest = parseOmsStatement(parseBundle(bytes, path).envelope.payload, path, { allowLegacy: true }).manifest;
  } catch (error) {
    if (error instanceof MlsignError) return undefined;
    throw error;
  }
  if (modelId(manifest) !== id) return undefined;
  const { hashType } = manifest.serialization;
  return [...groupByFile(manifest)].flatMap(
    ([
      name,
      {
        digests: [digest, ...more],
      },
    ]) => {
      const value = `${hashType}:${digest}`;
      return more.length > 0 || revocations.digest(value) === undefined ? [] : [{ name, digest: value }];
    },
  );
}

async function openClaim(
  id: string,
  { path }: BundleFile,
  bytes: Uint8Array,
  trust: NodeTrust | undefined,
  intake: LineageIntake,
  findings: Finding[],
): Promise<ProvenanceClaim | undefined> {
  const { envelope, material } = parseBundle(bytes, path);
  // Model cards, evaluations and the like say nothing of ancestors.
  if (!claimsPredicateType(envelope.payload, PROVENANCE_TYPE)) return undefined;
  const claim = trust === undefined ? unverified(envelope.payload, material, path) : await verified(bytes, path, trust, findings);
  if (claim === undefined) return undefined;
  const { subject } = claim.provenance;
  if (subject.modelId === id) {
    const provenance = intake.keep(claim.provenance, path);
    return { ...claim, provenance, materials: materialsDigest(provenance) };
  }
  findings.push(otherModel(path, id, subject.modelId));
  return undefined;
}

type Claim = Omit<ProvenanceClaim, 'materials'>;

/** SHA-256 over what a statement names and in which roles, whatever order, names and places it gives. */
function materialsDigest({ materials, relation }: Provenance): string {
  const lines = materials.map(({ role, relation, digests }) => JSON.stringify([role, relation ?? '', Object.entries(digests).sort()]));
  return sha256Hex(JSON.stringify([relation ?? '', [...new Set(lines)].sort(compareCodePoints)]));
}

function unverified(payload: Uint8Array, material: VerificationMaterial, bundle: string): Claim {
  return { bundle, provenance: parseProvenance(payload, bundle), principals: [], signer: describeClaim(material, bundle) };
}

async function verified(bytes: Uint8Array, bundle: string, trust: NodeTrust, findings: Finding[]): Promise<Claim | undefined> {
  const opened = await openProvenance(bytes, bundle, [trust.policy.principals], trust.evidence);
  findings.push(...opened.findings.map(beside));
  if (opened.verified === undefined) return undefined;
  const { statement, signedBy, signer, times } = opened.verified;
  return {
    bundle,
    provenance: statement,
    principals: signedBy.map(({ principal }) => principal),
    key: signer.id,
    evidence: { ...evidenceOf(opened.verified), statement: sha256Hex(parseBundle(bytes, bundle).envelope.payload) },
    signer: `${signedBy.map(({ principal }) => principal.name).join(', ')} (${signer.description})`,
    time: times[0]?.time,
  };
}
