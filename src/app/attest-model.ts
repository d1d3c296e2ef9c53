import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Check,
  checkWritable,
  type Finding,
  fileError,
  makeDirectory,
  sha256Hex,
  type Verdict,
  writeFilesAtomic,
} from '../core/index.ts';
import { type ModelSubject, serializeBundle } from '../formats/index.ts';
import { attestationName, localAttestations, type Provenance } from '../lineage/index.ts';
import { dirHash, type Source } from '../model/index.ts';
import { yetToApprove } from './already-approved.ts';
import { type AttestationContent, attestationPayload } from './attestation-payload.ts';
import { openToSign } from './hash-model.ts';
import { type IdentifiedModel, type IdentifyModelOptions, identifyModel } from './identify-model.ts';
import { companionDirectory } from './locations.ts';
import { filesOnDisk, readModelClaims } from './read-model-claims.ts';
import type { ResolveMaterialsOptions } from './resolve-materials.ts';
import { partiesOf, type SigningParties, sealPayload } from './seal-payload.ts';
import type { SignatureOptions } from './sign-model.ts';
import { whileSignersGetReady } from './signers.ts';
import type { SealedBundle, WrittenSignature } from './write-signatures.ts';

/** What is attested of a model, and who signs it. */
export interface AttestModelOptions
  extends Omit<SignatureOptions, 'force'>,
    Omit<IdentifyModelOptions, 'signal'>,
    Pick<ResolveMaterialsOptions, 'withStore'> {
  readonly content: AttestationContent;
}

/** A signed statement that was written. */
export interface WrittenAttestation extends WrittenSignature {
  /** SHA-256 of its bytes, hex. */
  readonly digest: string;
}

/** What was attested of a model. */
export interface AttestedModel {
  /** Of the release that was to be attested, in a store; without attestations where it is not `verified`. */
  readonly verdict?: Verdict | undefined;
  readonly name: string;
  /** Where the model is: its path, or its place in a store without a reference. */
  readonly place: string;
  readonly release?: { readonly number: number; readonly digest: string } | undefined;
  readonly modelId?: string | undefined;
  readonly predicateType: string;
  readonly provenance?: Provenance | undefined;
  readonly attestations: readonly WrittenAttestation[];
  /** Approvals that were there, of signers who so did not approve again. */
  readonly already?: readonly string[] | undefined;
  readonly read?: { readonly files: number; readonly bytes: number } | undefined;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/**
 * Signs a statement about a model as it is on disk: its bytes must be what its signature says. The attestation lies in
 * `<model>.mlsign/`, where no verifier of the model itself looks.
 *
 * @param path the model
 * @throws MlsignError `model-differs`, `relation-contradicted`, `material-is-model`, what hashing, the materials, the signers and
 *   the witnesses throw
 */
export async function attestModel(path: string, options: AttestModelOptions): Promise<AttestedModel> {
  const source = await openToSign(path, options);
  const companion = companionDirectory(source);
  const isMade = await makeWritable(companion);
  try {
    return await attestInto(companion, source, options);
  } catch (error) {
    // Where it is not empty, somebody else has begun to use it.
    if (isMade) await rmdir(companion).catch(() => undefined);
    throw error;
  }
}

async function attestInto(companion: string, source: Source, options: AttestModelOptions): Promise<AttestedModel> {
  const [identified, signers] = await whileSignersGetReady(partiesOf(options), options.signal, (signal) =>
    identifyModel(source, { ...options, signal }, true),
  );
  const claims = options.content.kind === 'provenance' ? await readModelClaims(filesOnDisk(source, identified.files)) : undefined;
  const statement = await attestationPayload(subjectOf(identified), options.content, claims, options);
  const { already, ...left } = await yetToApprove(options.content, identified.modelId, partiesOf(options), signers, () =>
    localAttestations(companion, []),
  );
  const sealed = left.parties === undefined ? [] : await sealAttestations(statement.payload, left.parties, left.signers, options.signal);
  const attestations = sealed.map(({ bytes: _, ...attestation }) => ({
    ...attestation,
    path: join(companion, attestationName(attestation.digest)),
  }));
  await writeFilesAtomic(
    // Named after their content: one that is there already is the same.
    sealed.map(({ bytes, digest }) => ({
      path: join(companion, attestationName(digest)),
      data: bytes,
      what: 'attestation',
      overwrite: true,
    })),
  );
  return {
    name: identified.name,
    place: source.path,
    modelId: identified.modelId,
    predicateType: statement.predicateType,
    provenance: statement.provenance,
    attestations,
    already,
    read: identified.read,
    checks: [identified.check, ...statement.checks],
    findings: [...unsigned(identified, source.name), ...identified.findings, ...statement.findings],
  };
}

/** A signed statement and its bytes as they are written. */
export type SealedAttestation = SealedBundle & { readonly bytes: Uint8Array; readonly digest: string };

/** Has a statement signed by everybody. */
export async function sealAttestations(
  payload: Uint8Array,
  parties: SigningParties,
  signers: Parameters<typeof sealPayload>[2],
  signal: AbortSignal | undefined,
): Promise<readonly SealedAttestation[]> {
  const sealed = await sealPayload(payload, parties, signers, signal);
  return sealed.map((one) => {
    const bytes = Buffer.from(serializeBundle(one.bundle));
    return { ...one, bytes, digest: sha256Hex(bytes) };
  });
}

/** What a statement names a model by. */
export function subjectOf({ name, modelId, manifest }: Pick<IdentifiedModel, 'name' | 'modelId' | 'manifest'>): ModelSubject {
  const directory = dirHash(manifest);
  return { name, modelId, ...(directory === undefined ? {} : { dirHash: directory }) };
}

/** What cannot be written is told of before gigabytes are hashed. True where the directory was not there before. */
async function makeWritable(companion: string): Promise<boolean> {
  const isNew = await makeDirectory(companion).catch((error) => {
    throw fileError(error, 'make the directory of attestations', companion);
  });
  await checkWritable(join(companion, attestationName('0'.repeat(64))), 'attestation');
  return isNew;
}

function unsigned({ isSigned, modelId }: IdentifiedModel, subject: string): readonly Finding[] {
  if (isSigned) return [];
  return [
    {
      code: 'model-unsigned',
      severity: 'warning',
      message: 'the model is not signed; its id is that of whole files in SHA-256, and signed in another way it has another one',
      subject,
      got: modelId,
      suggestion: 'sign it first: mlsign sign',
    },
  ];
}
