import { errorFinding, type Finding, MlsignError, systemClock } from '../core/index.ts';
import {
  claimsPredicateType,
  MAX_BUNDLE_BYTES,
  PROVENANCE_TYPE,
  parseBundle,
  parseOmsStatement,
  parseProvenance,
} from '../formats/index.ts';
import { type Derivation, type DerivedFrom, openProvenance } from '../lineage/index.ts';
import { modelId } from '../model/index.ts';
import type { Policy } from '../policy/index.ts';
import { type ListedChannel, listChannels, listReleases } from '../release/index.ts';
import { inParallel, layoutOf, type ObjectVersion, READS_AT_ONCE, RECORDS, type Store, type StoreLocation } from '../store/index.ts';
import type { EnvelopeOptions } from '../verify/index.ts';
import { type ListingOptions, RecordReader, type ReleaseRow } from './record-rows.ts';

/** How the models of a store are read. */
export interface ReadDerivationsOptions extends ListingOptions {
  /** Whether what they consist of is read too: of each model the files that its first signature names. */
  readonly withContents: boolean;
}

/** What a store says of one name in it. */
export interface ModelRecords {
  readonly location: StoreLocation;
  readonly releases: readonly ReleaseRow[];
  readonly channels: readonly ListedChannel[];
  readonly derivations: readonly Derivation[];
  readonly findings: readonly Finding[];
}

/** Records are up to megabytes. */
const NAMES_AT_ONCE = 4;

/** Reads what every model at a place was made from: each record and each bundle once. */
export async function readDerivations(
  store: Store,
  place: Pick<StoreLocation, 'store' | 'prefix' | 'url'>,
  only: string | undefined,
  options: ReadDerivationsOptions,
): Promise<readonly ModelRecords[]> {
  const names = only === undefined ? (await store.folders(place.prefix, options.signal)).filter((name) => name !== RECORDS) : [only];
  return inParallel(names, NAMES_AT_ONCE, options.signal, (name, signal) =>
    readModel(store, { store: place.store, prefix: place.prefix, name, url: `${place.url}/${name}` }, { ...options, signal }),
  );
}

async function readModel(store: Store, location: StoreLocation, options: ReadDerivationsOptions): Promise<ModelRecords> {
  const findings: Finding[] = [];
  const { signal } = options;
  const reader = new RecordReader(store, location, options);
  const listed = await listReleases(store, location, signal);
  const releases = await inParallel(listed, NAMES_AT_ONCE, signal, ({ number, entries }) => reader.release(number, entries));
  findings.push(...releases.flatMap((row) => (row.modelId === undefined ? row.findings.map(unknown) : [])));
  const channels = await listChannels(store, location, signal);
  const derivations = await readBundles(store, location, findings, options);
  return { location, releases, channels, derivations, findings };
}

/** Whatever could not be read may be affected. */
function unknown(finding: Finding): Finding {
  return finding.severity === 'rejected' || finding.severity === 'undetermined' ? { ...finding, severity: 'undetermined' } : finding;
}

interface ModelBundles {
  readonly attestations: ObjectVersion[];
  signature?: ObjectVersion;
}

async function readBundles(
  store: Store,
  location: StoreLocation,
  findings: Finding[],
  { policy, clock = systemClock, signal, withContents, ...evidence }: ReadDerivationsOptions,
): Promise<readonly Derivation[]> {
  const folder = `${layoutOf(location).model}${RECORDS}/bundles/`;
  const models = new Map<string, ModelBundles>();
  for await (const { key, version, isCurrent, isDeleted } of store.history(folder, signal)) {
    const [, id, kind] = /^([0-9a-f]{64})\/[0-9a-f]{64}\.(sig|att)$/.exec(key.slice(folder.length)) ?? [];
    if (id === undefined || !isCurrent || isDeleted) continue;
    const bundles: ModelBundles = models.get(id) ?? { attestations: [] };
    models.set(id, bundles);
    if (kind === 'att') bundles.attestations.push({ key, version });
    else bundles.signature ??= { key, version };
  }
  const trust = policy && { policy, evidence: { ...evidence, now: clock() } };
  return inParallel([...models], READS_AT_ONCE, signal, async ([id, { attestations, signature }], signal) => {
    const materials: DerivedFrom[] = [];
    for (const object of attestations) {
      const said = await attempt(store, object, findings, signal, (bytes, where) => materialsOf(id, bytes, where, trust));
      materials.push(...(said ?? []));
    }
    const contents =
      withContents && signature !== undefined
        ? await attempt(store, signature, findings, signal, async (bytes, where) => contentsOf(id, bytes, where))
        : undefined;
    return { modelId: id, name: location.name, materials, contents };
  });
}

async function attempt<T>(
  store: Store,
  object: ObjectVersion,
  findings: Finding[],
  signal: AbortSignal,
  read: (bytes: Uint8Array, where: string) => Promise<T | undefined>,
): Promise<T | undefined> {
  const where = `${store.url}/${object.key}`;
  try {
    return await read(await store.read(object, MAX_BUNDLE_BYTES, signal), where);
  } catch (error) {
    if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    // What is no bundle says nothing; what could not be read might.
    const finding = errorFinding(error, where);
    findings.push(finding.severity === 'rejected' ? { ...finding, severity: 'warning' } : finding);
    return undefined;
  }
}

async function materialsOf(
  id: string,
  bytes: Uint8Array,
  where: string,
  trust: { readonly policy: Policy; readonly evidence: EnvelopeOptions } | undefined,
): Promise<readonly DerivedFrom[] | undefined> {
  const { payload } = parseBundle(bytes, where).envelope;
  if (!claimsPredicateType(payload, PROVENANCE_TYPE)) return undefined;
  const { subject, materials } = parseProvenance(payload, where);
  if (subject.modelId !== id) return undefined;
  // What is only claimed counts too: a model that is stopped for nothing is started again.
  const opened = trust && (await openProvenance(bytes, where, [trust.policy.principals], trust.evidence));
  return materials.map((material) => ({ material, isVerified: opened?.verified !== undefined }));
}

function contentsOf(id: string, bytes: Uint8Array, where: string): ReadonlySet<string> | undefined {
  const { manifest } = parseOmsStatement(parseBundle(bytes, where).envelope.payload, where, { allowLegacy: true });
  return modelId(manifest) === id ? new Set(manifest.resources.map(({ digest }) => digest)) : undefined;
}
