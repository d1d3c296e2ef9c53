import { randomUUID } from 'node:crypto';
import { type Clock, type HashType, MlsignError, systemClock } from '../core/index.ts';
import { groupByFile, type Manifest, parseBundle, parseOmsStatement } from '../formats/index.ts';
import type { BundleFile, OpenStore } from '../lineage/index.ts';
import { modelId } from '../model/index.ts';
import type { StoreLocation } from '../store/index.ts';
import { claimedRelease } from './claimed-release.ts';
import { identifyModel } from './identify-model.ts';
import { openModel } from './open-model.ts';
import { pinnedBundle } from './pinned-objects.ts';
import { type ShowLineageOptions, type ShownLineage, showLineage, showStoredLineage } from './show-lineage.ts';
import { storedBundle } from './stored-bundle.ts';

/** One file of a model. */
export interface BillOfFile {
  readonly name: string;
  readonly algorithm: HashType;
  /** Hex; a file that was signed in several shards has none of its own. */
  readonly digest?: string | undefined;
}

/** What a model consists of and was made from. */
export interface BillOfMaterials {
  /** `urn:uuid:…`: of this bill, and no other. */
  readonly serialNumber: string;
  readonly made: Date;
  readonly name: string;
  readonly modelId: string;
  readonly files: readonly BillOfFile[];
  /** What it was made from, and whether any of it was verified. */
  readonly shown: ShownLineage;
}

/** How a bill is made. */
export interface BillOptions extends ShowLineageOptions {
  readonly clock?: Clock | undefined;
}

/**
 * What a model on disk consists of and was made from, as its signature and provenance say. Under a policy they are verified
 * first; no file is read unless the model is not signed.
 *
 * @throws MlsignError as `showLineage`
 */
export async function billOfMaterials(path: string, options: BillOptions): Promise<BillOfMaterials> {
  const shown = await showLineage(path, options);
  const { name, modelId: id, manifest } = await identifyModel(await openModel(path), options, false);
  return bill(name, id, manifest, shown, options);
}

/**
 * The same of a release in a store.
 *
 * @throws MlsignError as `showStoredLineage`
 */
export async function storedBillOfMaterials(
  location: StoreLocation,
  options: BillOptions & { readonly openStore: OpenStore },
): Promise<BillOfMaterials> {
  const { openStore, signal } = options;
  const shown = await showStoredLineage(location, options);
  const store = await openStore(location);
  try {
    const record = await claimedRelease(store, location, signal);
    const bundles = record.bundles.map((bundle) => storedBundle(store, pinnedBundle(location, record, bundle), bundle.digest, signal));
    return bill(record.name, record.modelId, await claimedManifest(bundles, record.modelId), shown, options);
  } finally {
    await store.close();
  }
}

/** The manifest with a model id, whichever bundle has it: the id binds every byte of it. */
async function claimedManifest(bundles: readonly BundleFile[], id: string): Promise<Manifest | undefined> {
  for (const { path, read } of bundles) {
    try {
      const { manifest } = parseOmsStatement(parseBundle(await read(), path).envelope.payload, path, { allowLegacy: true });
      if (modelId(manifest) === id) return manifest;
    } catch (error) {
      if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
    }
  }
  return undefined;
}

function bill(
  name: string,
  modelId: string,
  manifest: Manifest | undefined,
  shown: ShownLineage,
  { clock = systemClock }: BillOptions,
): BillOfMaterials {
  return { serialNumber: `urn:uuid:${randomUUID()}`, made: clock(), name, modelId, files: filesOf(manifest), shown };
}

function filesOf(manifest: Manifest | undefined): readonly BillOfFile[] {
  if (manifest === undefined) return [];
  const { hashType: algorithm } = manifest.serialization;
  return [...groupByFile(manifest)].map(([name, { digests }]) => {
    const [digest, ...others] = digests;
    return { name, algorithm, ...(digest === undefined || others.length > 0 ? {} : { digest }) };
  });
}
