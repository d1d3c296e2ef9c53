import { dirname } from 'node:path';
import { errorFinding, type Finding, MlsignError } from '../core/index.ts';
import type { Material } from '../formats/index.ts';
import {
  addressKey,
  believed,
  isSameStore,
  judgeLineage,
  type Lineage,
  type LineageTrust,
  locationOfUri,
  type ModelPlace,
  type OpenedNode,
  type OpenStore,
  StoredModels,
  type StorePlace,
  together,
  type WalkRole,
  walkLineage,
} from '../lineage/index.ts';
import type { Source } from '../model/index.ts';
import type { Store, StoreLocation } from '../store/index.ts';
import type { VerifiedStatement } from '../verify/index.ts';
import { LocalModels } from './find-local-models.ts';
import { LineageIntake } from './lineage-intake.ts';
import { type NodeTrust, openLineageNode } from './open-lineage-node.ts';

/** Where ancestors are looked for. */
export interface SearchOptions {
  /** Directories with models, besides the one that the model itself lies in. */
  readonly search?: readonly string[] | undefined;
  /** Places in stores that are looked through, besides the one that the model itself lies in. */
  readonly searchStores?: readonly StorePlace[] | undefined;
  /** Opens the stores that URIs name; those are not looked into without it. */
  readonly openStore?: OpenStore | undefined;
  /** Steps to the roots that are looked at; 64 unless given. */
  readonly maxDepth?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The model that a lineage begins with. */
export interface LineageRoot {
  readonly modelId: string;
  readonly place: ModelPlace;
  /** Where it lies on disk, or in a store. */
  readonly source?: Source | undefined;
  readonly location?: StoreLocation | undefined;
  /** The store of that location, where it is open; it is left open. */
  readonly store?: Store | undefined;
  /** Its signatures, where they are verified already. */
  readonly statements?: readonly VerifiedStatement[] | undefined;
}

/** Under what a lineage is verified. */
export type TraceTrust = NodeTrust & LineageTrust;

/**
 * Finds everything that a model was made from, to the roots, and judges it. Each model is opened once, under the trust of the
 * roles that it has; edges are bound by model id alone.
 *
 * @param trust nothing is verified without it
 */
export async function traceLineage(root: LineageRoot, trust: TraceTrust | undefined, options: SearchOptions): Promise<Lineage> {
  const intake = new LineageIntake();
  const finder = new AncestorFinder(root, options, trust !== undefined);
  try {
    const graph = await walkLineage<OpenedNode>(
      root.modelId,
      {
        open: async ({ modelId, material }) => {
          if (material === undefined) return openLineageNode(modelId, root.place, trust, intake, root.statements);
          const findings: Finding[] = [];
          const place = await finder.find(modelId, material, findings);
          const node = await openLineageNode(modelId, place, trust, intake);
          return { ...node, signatureFindings: [...findings, ...node.signatureFindings] };
        },
        materialsOf: (node, role: WalkRole) => believed(node, role, trust).map(({ provenance }) => provenance.materials),
      },
      options,
    );
    return judgeLineage(graph, trust);
  } finally {
    await finder.close();
  }
}

/**
 * Looks for an ancestor: beside the model, among the models of the same prefix, and where its URI says. All of these places count
 * together: a copy that lacks a statement hides none of the others'.
 */
class AncestorFinder {
  readonly #local: LocalModels;
  readonly #stored: StoredModels;
  readonly #location: StoreLocation | undefined;
  readonly #places: readonly StorePlace[];
  readonly #isTrusted: boolean;
  /** Stores that cannot be reached, each asked once. */
  readonly #unreachable = new Map<string, Finding>();

  constructor(
    { source, location, store }: LineageRoot,
    { search = [], searchStores = [], openStore, signal }: SearchOptions,
    isTrusted: boolean,
  ) {
    this.#local = new LocalModels([...(source === undefined ? [] : [dirname(source.path)]), ...search], signal);
    this.#stored = new StoredModels(openStore, location && store && { address: location.store, store }, signal);
    this.#location = location;
    this.#places = [...(location === undefined ? [] : [location]), ...searchStores];
    this.#isTrusted = isTrusted;
  }

  /** @param findings gets what could not be looked into */
  async find(modelId: string, { uri }: Material, findings: Finding[]): Promise<ModelPlace | undefined> {
    const stored = this.#stored;
    const found: ModelPlace[] = [];
    const attempt = async (where: string, find: () => Promise<ModelPlace | undefined>): Promise<boolean> => {
      const known = this.#unreachable.get(where);
      if (known !== undefined) {
        findings.push(known);
        return false;
      }
      try {
        const place = await find();
        if (place !== undefined) found.push(place);
        return place !== undefined;
      } catch (error) {
        if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
        const finding: Finding = { ...errorFinding(error, uri ?? modelId), severity: 'undetermined' };
        if (error.outcome === 'unavailable') this.#unreachable.set(where, finding);
        findings.push(finding);
        return false;
      }
    };
    await attempt('disk', () => this.#local.find(modelId));
    const named = locationOfUri(uri);
    let isNamedFound = false;
    for (const place of this.#places) {
      const isThere = await attempt(addressKey(place.store), () => stored.beneath(modelId, place));
      // It was among those models, whatever its name there is.
      isNamedFound ||= isThere && named?.prefix === place.prefix && isSameStore(named.store, place.store);
    }
    if (named !== undefined && !isNamedFound && this.#mayOpen(named)) {
      await attempt(addressKey(named.store), () => stored.at(modelId, named));
    }
    return together(found);
  }

  close(): Promise<void> {
    return this.#stored.close();
  }

  /** What nobody has verified must not send requests, with the user's own rights, to wherever it says. */
  #mayOpen({ store }: StoreLocation): boolean {
    return this.#isTrusted || store.kind === 'local' || (this.#location !== undefined && isSameStore(store, this.#location.store));
  }
}
