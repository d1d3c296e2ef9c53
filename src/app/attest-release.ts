import { refused, sha256Hex, verdictOf } from '../core/index.ts';
import { storedAttestations } from '../lineage/index.ts';
import type { ObjectAttributes, Store, StoreLocation } from '../store/index.ts';
import { yetToApprove } from './already-approved.ts';
import { type AttestedModel, type AttestModelOptions, sealAttestations, subjectOf, type WrittenAttestation } from './attest-model.ts';
import { attestationPayload, predicateTypeOf } from './attestation-payload.ts';
import { putBundle } from './push-bundles.ts';
import { type ReadModelFile, readModelClaims } from './read-model-claims.ts';
import { partiesOf } from './seal-payload.ts';
import { whileSignersGetReady } from './signers.ts';
import { isOpened, type OpenedModel, openStoredModel, type StoredModelOptions } from './stored-model.ts';

/** What is attested of a release, and who signs it. */
export interface AttestReleaseOptions
  extends Omit<StoredModelOptions, 'signal'>,
    Omit<AttestModelOptions, 'signature' | keyof StoredModelOptions>,
    Pick<AttestModelOptions, 'signal'> {
  /** How the attestation is stored. */
  readonly attributes?: ObjectAttributes | undefined;
}

/**
 * Signs a statement about the model of a release, whose record and signatures are verified first; no byte of a file is read.
 * The attestation lies beside the bundles of the model.
 *
 * @throws MlsignError what `attestModel`, the policy and the store throw
 */
export async function attestRelease(location: StoreLocation, options: AttestReleaseOptions): Promise<AttestedModel> {
  const model = await openStoredModel(location, { ...options, lineage: 'later' });
  const { release, checks, findings } = model;
  const verdict = verdictOf(findings);
  const base = {
    verdict,
    name: location.name,
    place: location.url,
    ...(release === undefined ? {} : { release: { number: release.record.number, digest: release.digest } }),
    predicateType: predicateTypeOf(options.content),
    checks,
    findings,
  };
  if (!isOpened(model) || verdict !== 'verified') return { ...base, attestations: [] };
  const { candidate, manifest } = model.contents;
  const { modelId } = candidate;
  const subject = subjectOf({ name: location.name, modelId, manifest });
  const [statement, signers] = await whileSignersGetReady(partiesOf(options), options.signal, async (signal) => {
    const claims = options.content.kind === 'provenance' ? await readModelClaims(filesInStore(model, options.store, signal)) : undefined;
    return attestationPayload(subject, options.content, claims, { ...options, signal });
  });
  const { already, ...left } = await yetToApprove(options.content, modelId, partiesOf(options), signers, () =>
    storedAttestations(options.store, location, modelId, model.release.record.attestations ?? [], [], options.signal),
  );
  const sealedOnes =
    left.parties === undefined ? [] : await sealAttestations(statement.payload, left.parties, left.signers, options.signal);
  const attestations: WrittenAttestation[] = [];
  for (const { bytes, ...sealed } of sealedOnes) {
    const { key } = await putBundle(options.store, location, modelId, bytes, options.attributes, options.signal, 'attestation');
    attestations.push({ ...sealed, path: `${options.store.url}/${key}` });
  }
  return {
    ...base,
    modelId,
    provenance: statement.provenance,
    attestations,
    already,
    checks: [...checks, ...statement.checks],
    findings: [...findings, ...statement.findings],
  };
}

/** Reads files of a release at their pinned versions: they must be what the release says. */
function filesInStore({ release, contents }: OpenedModel, store: Store, signal: AbortSignal | undefined): ReadModelFile {
  return async (name, maxBytes) => {
    const file = release.record.kind === 'directory' ? contents.files.find((candidate) => candidate.name === name) : undefined;
    if (file === undefined) return undefined;
    const { object } = file;
    const bytes = await store.read(object, maxBytes, signal);
    const got = sha256Hex(bytes);
    if (object.parts.length === 1 && object.parts[0] === got) return bytes;
    throw refused('file-changed', 'the file is not what was released', { subject: name, expected: object.parts[0], got });
  };
}
