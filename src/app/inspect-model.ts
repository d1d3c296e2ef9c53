import type { ArchiveLimits } from '../archive/index.ts';
import { errorFinding, type Finding, MlsignError } from '../core/index.ts';
import { groupByFile, type Manifest, type OmsStatement, rootDigest, type Serialization } from '../formats/index.ts';
import { localAttestations } from '../lineage/index.ts';
import { hashModel, isIgnored, modelId, type Source } from '../model/index.ts';
import { StatementStore } from '../verify/index.ts';
import type { FileToExamine } from './check-formats.ts';
import { collectTo } from './check-formats-local.ts';
import { furtherSignatures } from './further-signatures.ts';
import { serializationOf } from './hash-model.ts';
import { type ClaimedStatement, type InspectedSignature, inspectSignature } from './inspect-signature.ts';
import { companionDirectory, defaultSignaturePath } from './locations.ts';
import { countFormats, type FormatCount, type ListedFile } from './model-contents.ts';
import { describeModel, type ModelKind } from './model-kind.ts';
import { openInput } from './open-input.ts';
import { isOfOneFile } from './open-model.ts';
import { readBundle } from './read-bundle.ts';

/** Which bundles are looked at. */
export interface InspectModelOptions {
  /** Bundles; the model's own and those in `<model>.mlsign/` unless given. */
  readonly signatures?: readonly string[] | undefined;
  readonly archiveLimits?: ArchiveLimits | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a manifest says of a model. */
export interface InspectedManifest {
  readonly name: string;
  /** Hex. */
  readonly modelDigest: string;
  readonly modelId: string;
  readonly serialization: Serialization;
  readonly resources: number;
  readonly files: number;
  /** Known where the model, or its shards, say. */
  readonly bytes: number | undefined;
  /** Of the files that it names: by their bytes where the model is there, else by their names. */
  readonly formats: readonly FormatCount[];
  /** How the model that is there compares with it, by names alone; absent where only the manifest is there. */
  readonly coverage: Coverage | undefined;
}

/** Files on disk against names in a manifest; no byte is compared. */
export interface Coverage {
  /** In the model but not in the manifest. */
  readonly unlisted: readonly string[];
  /** In the manifest but not in the model. */
  readonly missing: readonly string[];
  /** Paths that the manifest leaves out on purpose and that exist. */
  readonly ignored: readonly string[];
}

/** A bundle, and the manifest that it signs where it signs one. */
export interface SignatureAndManifest {
  readonly signature: InspectedSignature;
  readonly manifest: InspectedManifest | undefined;
}

/** What a model, a bundle or a manifest says of itself. Nothing was verified. */
export interface Inspection {
  readonly path: string;
  readonly input: Source['kind'] | 'bundle' | 'manifest';
  /** Set where the model itself is there. */
  readonly model: (ModelKind & { readonly source: Source }) | undefined;
  readonly signatures: readonly SignatureAndManifest[];
  /** Other signed statements beside the model. */
  readonly attestations: readonly InspectedSignature[];
  /** Set where the input is a manifest. */
  readonly manifest: InspectedManifest | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Tells what is there: who claims to have signed what and how, what kind of model it is, and whether parts of it are
 * missing. Verifies nothing and hashes nothing.
 *
 * @param path a model, a bundle, or a manifest of `mlsign hash --json`
 * @throws MlsignError `file-not-found`, `not-a-model`; for a bundle or manifest also what is wrong with it
 * @example
 * const { model, signatures } = await inspectModel('my-model');
 */
export async function inspectModel(path: string, options: InspectModelOptions = {}): Promise<Inspection> {
  const input = await openInput(path, options);
  const empty = { path, model: undefined, signatures: [], attestations: [], manifest: undefined, findings: [] };
  switch (input.kind) {
    case 'bundle': {
      const signature = await inspectSignature(input);
      return { ...empty, input: 'bundle', signatures: withManifests([signature]) };
    }
    case 'manifest':
      return { ...empty, input: 'manifest', manifest: inspectManifest(input.name, input.manifest) };
    case 'model':
      return inspectSource(path, input.source, options);
  }
}

async function inspectSource(path: string, source: Source, options: InspectModelOptions): Promise<Inspection> {
  const findings: Finding[] = [];
  const paths = options.signatures ?? [defaultSignaturePath(source), ...(await furtherSignatures(source, findings))];
  const store = new StatementStore<ClaimedStatement>();
  const signatures: InspectedSignature[] = [];
  for (const signaturePath of paths) {
    const isAsked = options.signatures !== undefined;
    const signature = await readSignature(signaturePath, isAsked, store, findings);
    if (signature !== undefined) signatures.push(signature);
  }
  const attestations = options.signatures === undefined ? await readAttestations(source, store, findings) : [];
  const listing = await listModel(source, paths, options.signal);
  const kind = await describeModel(source, listing.files, listing.members, options.signal);
  return {
    path,
    input: source.kind,
    model: { ...kind, source },
    signatures: withManifests(signatures, { ...listing, kind }, source.kind === 'archive'),
    attestations,
    manifest: undefined,
    findings: [...findings, ...listing.findings, ...kind.findings],
  };
}

async function readSignature(
  path: string,
  isAsked: boolean,
  store: StatementStore<ClaimedStatement>,
  findings: Finding[],
): Promise<InspectedSignature | undefined> {
  try {
    return await inspectSignature(await readBundle(path), store);
  } catch (error) {
    if (!(error instanceof MlsignError)) throw error;
    // That there is no signature is shown as such: nobody said that there is one.
    if (error.code === 'file-not-found' && !isAsked) return undefined;
    findings.push(errorFinding(error, path));
    return undefined;
  }
}

/** The attestations beside a model; what is wrong with one is a warning. */
async function readAttestations(
  source: Source,
  store: StatementStore<ClaimedStatement>,
  findings: Finding[],
): Promise<readonly InspectedSignature[]> {
  const listing: Finding[] = [];
  const attestations: InspectedSignature[] = [];
  for (const { path } of await localAttestations(companionDirectory(source), listing)) {
    const attestation = await readSignature(path, true, store, listing);
    if (attestation !== undefined) attestations.push(attestation);
  }
  findings.push(...listing.map((finding) => ({ ...finding, severity: 'warning' as const })));
  return attestations;
}

interface Listing {
  readonly files: readonly ListedFile[];
  /** The same files of an archive, to be opened. */
  readonly members: readonly FileToExamine[];
  readonly ignored: readonly string[];
  readonly findings: readonly Finding[];
}

/** The files of a model without a look into them. Links are followed: whether they may be signed is not asked here. */
async function listModel(source: Source, signatures: readonly string[], signal: AbortSignal | undefined): Promise<Listing> {
  const serialization = serializationOf(source, { allowSymlinks: true });
  const lent: FileToExamine[] = [];
  const how = { serialization, excluded: signatures, only: new Set<string>(), signal };
  const { files, ignored, findings } = await hashModel(source, source.kind === 'archive' ? { ...how, ...collectTo(lent) } : how);
  const listed = new Set(files.map(({ name }) => name));
  return { files, members: lent.filter(({ name }) => listed.has(name)), ignored, findings: seenWhileListing(findings) };
}

/** What stands out in a listing, as warnings: nothing was asked for that they would stop. */
function seenWhileListing(findings: readonly Finding[]): readonly Finding[] {
  const outside = findings.filter(({ code }) => code === 'link-outside');
  const others = findings.filter((finding) => !outside.includes(finding));
  const [first] = outside;
  // In the linked cache of the Hugging Face tools, every file is such a link.
  const message = `${outside.length} symbolic links lead out of the model: what they lead to can change without it`;
  const links = first === undefined || outside.length === 1 ? outside : [{ ...first, message }];
  return [...links, ...others].map(({ code, severity, message, subject, expected, got }) => ({
    code,
    severity: severity === 'rejected' ? 'warning' : severity,
    message,
    subject,
    expected,
    got,
  }));
}

/** Bundles that sign the same share what is told of it. */
function withManifests(
  signatures: readonly InspectedSignature[],
  there?: Listing & { readonly kind: ModelKind },
  isArchive = false,
): readonly SignatureAndManifest[] {
  const known = new Map<OmsStatement, InspectedManifest>();
  return signatures.map((signature) => {
    const { statement } = signature;
    if (statement === undefined) return { signature, manifest: undefined };
    const manifest =
      known.get(statement) ??
      inspectManifest(statement.subjectName, statement.manifest, isArchive && isOfOneFile(statement) ? undefined : there);
    known.set(statement, manifest);
    return { signature, manifest };
  });
}

function inspectManifest(name: string, manifest: Manifest, there?: Listing & { readonly kind: ModelKind }): InspectedManifest {
  const { serialization, resources } = manifest;
  const sizes = new Map(there?.files.map((file) => [file.name, file.size]));
  // "." stands for the model itself where it is one file.
  const alone = there?.kind.files === 1 ? there.files[0]?.name : undefined;
  const files = [...groupByFile(manifest)].map(([file, { size }]) => {
    const onDisk = file === '.' ? (alone ?? file) : file;
    return { name: onDisk, size: sizes.get(onDisk) ?? size };
  });
  const formats = countFormats(files, there?.kind.types);
  return {
    name,
    modelDigest: rootDigest(resources),
    modelId: modelId(manifest),
    serialization,
    resources: resources.length,
    files: files.length,
    bytes: files.reduce<number | undefined>((sum, { size }) => (sum === undefined || size === undefined ? undefined : sum + size), 0),
    formats,
    coverage: there && coverageOf(new Set(files.map((file) => file.name)), serialization.ignorePaths, there),
  };
}

function coverageOf(named: ReadonlySet<string>, ignorePaths: readonly string[], { files, ignored }: Listing): Coverage {
  const present = new Set(files.map(({ name }) => name));
  const absent = files.map(({ name }) => name).filter((name) => !named.has(name));
  return {
    unlisted: absent.filter((name) => !isIgnored(name, ignorePaths)),
    missing: [...named].filter((name) => !present.has(name)),
    ignored: [...ignored, ...absent.filter((name) => isIgnored(name, ignorePaths))],
  };
}
