import type { ArchiveLimits } from '../archive/index.ts';
import { type Check, type Clock, type Finding, systemClock, verdictOf } from '../core/index.ts';
import type { Ranges } from '../digest/index.ts';
import type { Manifest, ManifestFile } from '../formats/index.ts';
import type { RequiredAttestation } from '../gate/index.ts';
import { type Lineage, releasePlace, storedAttestations } from '../lineage/index.ts';
import { expectedFiles, modelId } from '../model/index.ts';
import type { Policy, Rule } from '../policy/index.ts';
import {
  type ChannelClient,
  openRelease,
  type ReleaseRecord,
  type ReleaseTrust,
  type ResolvedRelease,
  resolveRelease,
  type VerifiedChannel,
  type VerifiedRelease,
} from '../release/index.ts';
import { locationText, type PartedObject, type Store, type StoreLocation } from '../store/index.ts';
import { acceptSummary, afterSummary, type SummaryOptions } from './accept-summary.ts';
import { checkAttestations } from './check-attestations.ts';
import { checkLineage, type LineageOptions } from './check-lineage.ts';
import { checkRevocations, type RevocationEvidence, type RevocationOptions } from './check-revocations.ts';
import { furtherBundles } from './further-bundles.ts';
import { type Candidate, type EvidenceOptions, type OpenedSignatures, openBundles } from './open-signatures.ts';
import { pinnedBundle, pinnedFile } from './pinned-objects.ts';
import { recordFindings } from './record-findings.ts';
import { type ClientOptions, channelClient, releaseTrust, ruleAt } from './release-trust.ts';
import { withoutRevoked } from './revoked-contents.ts';
import { type StoredBundle, storedBundle } from './stored-bundle.ts';
import { refusePolicyInside } from './verify-model.ts';

/** Under what a release is opened. */
export interface StoredModelOptions extends EvidenceOptions, ClientOptions, RevocationOptions, LineageOptions, SummaryOptions {
  readonly store: Store;
  readonly policy: Policy;
  /** The one model that is accepted, hex. */
  readonly expectModelId?: string | undefined;
  /** The digest of the record, where a release is asked for by number and a pointer has named it. */
  readonly recordDigest?: string | undefined;
  /** Whether one trusted signature is enough to begin with, as where the others are yet to be made. */
  readonly isIncomplete?: boolean | undefined;
  /** How much of an archive is read. */
  readonly archiveLimits?: ArchiveLimits | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One file of a release: where its bytes are, and what they must be; of an archive, the archive itself. */
export interface StoredFile {
  readonly name: string;
  readonly object: PartedObject;
  readonly signed: ManifestFile;
}

/** A model that its signers, the releaser and the rule agree about; of its bytes nothing is known yet. */
export interface SignedContents {
  readonly candidate: Candidate;
  readonly manifest: Manifest;
  /** In the order of the record. */
  readonly files: readonly StoredFile[];
  /** Over what the digests of its files are: those that the signers signed, or of an archive those that the record binds. */
  readonly ranges: Ranges;
  /** Those that the release pins, the model's own first, and of those added later the ones that count. */
  readonly bundles: readonly StoredBundle[];
}

/** What a release says and who stands behind it. */
export interface StoredModel {
  readonly location: StoreLocation;
  readonly rule: Rule;
  /** Every list by which it was judged. */
  readonly revocations: readonly RevocationEvidence[];
  readonly release?: VerifiedRelease;
  readonly channel?: VerifiedChannel | undefined;
  readonly opened?: OpenedSignatures | undefined;
  /** What the model was made from, where that was asked for. */
  readonly lineage?: Lineage | undefined;
  /** Which statements about it were asked for, and what became of them. */
  readonly attestations?: readonly RequiredAttestation[] | undefined;
  /** Absent where a finding rejects, or leaves it open. */
  readonly contents?: SignedContents;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** A release that every signature stands behind. */
export type OpenedModel = StoredModel & Required<Pick<StoredModel, 'release' | 'contents'>>;

/** Whether there is a model to look at: nothing rejected it. */
export function isOpened(model: StoredModel): model is OpenedModel {
  return model.release !== undefined && model.contents !== undefined;
}

/**
 * Resolves a location once to pinned versions, and verifies every signature: channel, release record, bundles, rule. No byte
 * of a file is read.
 *
 * @throws MlsignError `reference-missing`, and what the policy and the store throw
 */
export async function openStoredModel(location: StoreLocation, options: StoredModelOptions): Promise<StoredModel> {
  const { store, policy, expectModelId, clock = systemClock, signal } = options;
  const { url } = location;
  if (url.startsWith('file:')) await refusePolicyInside({ kind: 'directory', path: url.slice('file:'.length) }, policy);
  const asked = ruleAt(policy, location);
  const now = clock();
  const revoked = await checkRevocations(asked, options, now, options, { store, prefix: location.prefix });
  const trust = releaseTrust(asked, revoked.evidence, now);
  const { release, channel, ...resolved } = await resolve(location, trust, channelClient(asked, location, options, clock), options);
  const checks = [...revoked.checks, ...resolved.checks];
  const findings = [...revoked.findings, ...resolved.findings];
  if (release === undefined) return { location, rule: asked, revocations: revoked.lists, channel, checks, findings };
  const { record } = release;
  const other = otherModel(record, expectModelId, location);
  if (other !== undefined)
    return { location, rule: asked, revocations: revoked.lists, release, channel, checks, findings: [...findings, other] };
  const listing: Finding[] = [];
  const pinned = record.bundles.map((bundle) => storedBundle(store, pinnedBundle(location, record, bundle), bundle.digest, signal));
  const further = await furtherBundles(store, location, record, listing, signal);
  const bundles = [...pinned, ...further];
  const here = {
    resource: resourceOf(location, record.number),
    recordDigest: release.digest,
    bundles: async () => bundles,
    attestations: (noted: Finding[]) => storedAttestations(store, location, record.modelId, record.attestations ?? [], noted, signal),
  };
  const summary = await acceptSummary(here, { policy, rule: asked, revoked, now }, options);
  const { rule } = summary;
  const signatures =
    summary.opened ?? afterSummary(summary, await openBundles(bundles, policy, rule, { ...revoked.evidence, now, isNamed: false }));
  const base = { location, rule, revocations: revoked.lists, release, channel };
  const isOf = ({ modelId }: Candidate) => modelId === record.modelId;
  const begun = options.isIncomplete && !signatures.candidates.some(isOf) ? anySigner(signatures, record) : undefined;
  const counted = begun === undefined ? signatures : { ...signatures, candidates: [...signatures.candidates, begun] };
  const opened = withoutRevoked(counted, revoked.revocations, location.name);
  const candidate = opened.candidates.find(isOf);
  const allChecks = [...checks, ...opened.checks, ...(candidate?.checks ?? [])];
  const ofBundles = opened.findings.map((finding) => judgeBundle(finding, pinned, begun !== undefined && candidate !== undefined));
  const allFindings = [...findings, ...listing, ...ofBundles];
  if (candidate === undefined) {
    const lacking = opened.candidates.length === 0 ? [] : [modelDiffers(location, record, opened.candidates)];
    return { ...base, opened, checks: allChecks, findings: [...allFindings, ...lacking] };
  }
  const { statement } = candidate.statements[0];
  const { manifest } = statement;
  const contradictions = recordFindings(record, statement);
  const complete = [...allFindings, ...contradictions];
  // A list that is missing or old leaves the answer open, and what is known to be revoked is rejected all the same.
  const own = complete.filter((finding) => !revoked.findings.includes(finding));
  if (verdictOf(own) !== 'verified') return { ...base, opened, checks: allChecks, findings: complete };
  const judgedBy = { policy, rule, evidence: { ...revoked.evidence, now }, revocations: revoked.revocations };
  const lineage = options.isIncomplete ? 'later' : options.lineage;
  const ancestry = await checkLineage(
    { modelId: record.modelId, place: releasePlace(store, location, record, signal), location, store, statements: candidate.statements },
    judgedBy,
    { ...options, lineage },
  );
  const stated = lineage === 'later' ? undefined : await checkAttestations(record.modelId, here.attestations, judgedBy);
  const found = {
    ...base,
    opened,
    lineage: ancestry.lineage,
    attestations: stated?.attestations,
    checks: [...allChecks, ...ancestry.checks, ...(stated?.checks ?? [])],
    findings: [...complete, ...ancestry.findings, ...(stated?.findings ?? [])],
  };
  if (verdictOf(found.findings) !== 'verified') return found;
  return {
    ...found,
    contents: {
      candidate,
      manifest,
      ...storedFiles(location, record, manifest),
      bundles: [...pinned, ...further.filter(({ path }) => candidate.statements.some(({ bundle }) => bundle === path))],
    },
  };
}

/** A release as a URI: what summaries are about. */
export function resourceOf(location: StoreLocation, number: number): string {
  return encodeURI(locationText(location, { kind: 'release', number }).toWellFormed());
}

/** The signatures of a release's model that count for themselves, whatever else the rule asks for. */
function anySigner({ signatures }: OpenedSignatures, record: ReleaseRecord): Candidate | undefined {
  const [first, ...others] = signatures.flatMap(({ statement }) =>
    statement !== undefined && modelId(statement.statement.manifest) === record.modelId ? [statement] : [],
  );
  return first && { modelId: record.modelId, statements: [first, ...others], checks: [] };
}

/** A bundle that is not the pinned one rejects, whatever the others prove; that more must sign does not, where they are about to. */
function judgeBundle(finding: Finding, pinned: readonly StoredBundle[], isIncomplete: boolean): Finding {
  const { code, subject } = finding;
  if (code === 'bundle-changed' && pinned.some(({ path }) => path === subject)) return { ...finding, severity: 'rejected' };
  return code === 'signer-missing' && isIncomplete ? { ...finding, severity: 'note' } : finding;
}

function resolve(
  location: StoreLocation,
  trust: ReleaseTrust,
  client: ChannelClient,
  { store, recordDigest, signal }: StoredModelOptions,
): Promise<ResolvedRelease> {
  const { reference } = location;
  return reference?.kind === 'release' && recordDigest !== undefined
    ? openRelease(store, location, reference.number, trust, { digest: recordDigest, signal })
    : resolveRelease(store, location, trust, client, signal);
}

/** The files of a release, with what its signers say of each. */
function storedFiles(location: StoreLocation, record: ReleaseRecord, manifest: Manifest): Pick<SignedContents, 'files' | 'ranges'> {
  const { kind, objects } = record;
  const [first] = objects;
  if (kind === 'archive' && first !== undefined) {
    const { name, size, parts, partSize } = first;
    return {
      files: [{ name, object: pinnedFile(location, record, first), signed: { size, digests: parts } }],
      ranges: { algorithm: 'sha256', shardSize: partSize },
    };
  }
  const signed = expectedFiles(manifest, { kind, name: first?.name ?? '' });
  const files = objects.flatMap((object): readonly StoredFile[] => {
    const { name } = object;
    const file = signed.get(name);
    return file === undefined ? [] : [{ name, object: pinnedFile(location, record, object), signed: file }];
  });
  const { hashType: algorithm, shardSize } = manifest.serialization;
  return { files, ranges: { algorithm, shardSize } };
}

function otherModel({ modelId }: ReleaseRecord, expected: string | undefined, location: StoreLocation): Finding | undefined {
  if (expected === undefined || expected === modelId) return undefined;
  return {
    code: 'model-id-unexpected',
    severity: 'rejected',
    message: 'this is another model than the one that was asked for',
    subject: location.url,
    expected,
    got: modelId,
    suggestion: 'check --expect-model-id, or ask for that model: NAME@sha256:…',
  };
}

function modelDiffers(location: StoreLocation, { number, modelId }: ReleaseRecord, [first]: readonly Candidate[]): Finding {
  return {
    code: 'release-model-differs',
    severity: 'rejected',
    message: `release ${number} is of another model than its bundles sign`,
    subject: location.url,
    expected: modelId,
    got: first?.modelId ?? 'none',
  };
}
