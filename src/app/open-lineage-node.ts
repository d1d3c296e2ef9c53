import { errorFinding, type Finding, MlsignError } from '../core/index.ts';
import {
  claimsPredicateType,
  type OmsStatement,
  PROVENANCE_TYPE,
  parseBundle,
  parseOmsStatement,
  parseProvenance,
} from '../formats/index.ts';
import { type BundleFile, type ModelPlace, type OpenedNode, openProvenance, otherModel, type ProvenanceClaim } from '../lineage/index.ts';
import { modelId } from '../model/index.ts';
import type { Policy, Rule, Signed } from '../policy/index.ts';
import { type EnvelopeOptions, openBundle, type VerifiedStatement } from '../verify/index.ts';
import { describeClaim } from './claimed-signer.ts';

/** Whom to believe about the models of a lineage. */
export interface NodeTrust {
  readonly policy: Policy;
  readonly rule: Rule;
  readonly evidence: EnvelopeOptions;
}

/** One signature of a model, verified or only claimed. */
interface NodeSignature {
  readonly name: string;
  readonly signer: string;
  readonly signed: readonly Signed[];
  readonly time?: Date | undefined;
}

/**
 * Opens a model of a lineage: every bundle of it, once each. What is not about exactly this model does not count.
 *
 * @param place undefined where it was not found
 * @param trust nothing is verified without it
 * @param own signatures that are verified already
 */
export async function openLineageNode(
  id: string,
  place: ModelPlace | undefined,
  trust: NodeTrust | undefined,
  own?: readonly VerifiedStatement[],
): Promise<OpenedNode> {
  const signatureFindings: Finding[] = [];
  const findings: Finding[] = [];
  if (place === undefined) return { signed: [], signers: [], statements: [], signatureFindings, findings };
  const signatures: NodeSignature[] = own?.map((statement) => verifiedSignature(id, statement)) ?? [];
  for (const file of own === undefined ? await place.signatures(signatureFindings) : []) {
    const signature = await attempt(file, signatureFindings, (bytes) => openSignature(id, file, bytes, trust, signatureFindings));
    if (signature !== undefined) signatures.push(signature);
  }
  const statements: ProvenanceClaim[] = [];
  for (const file of await place.attestations(findings)) {
    const claim = await attempt(file, findings, (bytes) => openClaim(file, bytes, trust, findings));
    if (claim === undefined) continue;
    const { subject } = claim.provenance;
    if (subject.modelId === id) statements.push(claim);
    else findings.push(otherModel(file.path, id, subject.modelId));
  }
  const times = signatures.flatMap(({ time }) => (time === undefined ? [] : [time])).sort((a, b) => a.getTime() - b.getTime());
  return {
    name: signatures[0]?.name,
    where: place.where,
    signed: signatures.flatMap(({ signed }) => signed),
    signers: [...new Set(signatures.map(({ signer }) => signer))],
    time: times[0],
    statements,
    signatureFindings,
    findings,
  };
}

/** What is wrong with one bundle does not hide the others. */
async function attempt<T>(
  file: BundleFile,
  findings: Finding[],
  open: (bytes: Uint8Array) => Promise<T | undefined>,
): Promise<T | undefined> {
  try {
    return await open(await file.read());
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    findings.push(beside(errorFinding(error, file.path)));
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
      ? { name: subjectName, signer: describeClaim(material, path), signed: [] }
      : undefined;
  }
  const { policy, rule, evidence } = trust;
  const opened = await openBundle(bytes, path, policy.principals, { ...evidence, allowLegacy: rule.allowLegacy });
  findings.push(...opened.findings.map(beside));
  const { verified } = opened;
  if (verified === undefined || !aboutThis(id, path, modelId(verified.statement.manifest), findings)) return undefined;
  return verifiedSignature(id, verified);
}

function verifiedSignature(id: string, { statement, signedBy, signer, bundle, times }: VerifiedStatement<OmsStatement>): NodeSignature {
  return {
    name: statement.subjectName,
    signer: `${signedBy.map(({ principal }) => principal.name).join(', ')} (${signer.description})`,
    signed: signedBy.map(({ principal }) => ({ principal, modelId: id, bundle, key: signer.id })),
    time: times[0]?.time,
  };
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

async function openClaim(
  { path }: BundleFile,
  bytes: Uint8Array,
  trust: NodeTrust | undefined,
  findings: Finding[],
): Promise<ProvenanceClaim | undefined> {
  const { envelope, material } = parseBundle(bytes, path);
  // Model cards, evaluations and the like say nothing of ancestors.
  if (!claimsPredicateType(envelope.payload, PROVENANCE_TYPE)) return undefined;
  if (trust === undefined) {
    return { bundle: path, provenance: parseProvenance(envelope.payload, path), principals: [], signer: describeClaim(material, path) };
  }
  const { verified, findings: wrong } = await openProvenance(bytes, path, [trust.policy.principals], trust.evidence);
  findings.push(...wrong.map(beside));
  if (verified === undefined) return undefined;
  const { statement, signedBy, signer, times } = verified;
  return {
    bundle: path,
    provenance: statement,
    principals: signedBy.map(({ principal }) => principal),
    signer: `${signedBy.map(({ principal }) => principal.name).join(', ')} (${signer.description})`,
    time: times[0]?.time,
  };
}
