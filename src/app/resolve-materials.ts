import type { Check, Finding } from '../core/index.ts';
import { type Material, materialOf, type Relation } from '../lineage/index.ts';
import { locationText, type Store, type StoreLocation } from '../store/index.ts';
import { claimedRelease } from './claimed-release.ts';
import { type IdentifyModelOptions, identifyModel } from './identify-model.ts';
import { openModel } from './open-model.ts';

/** What a model was made from, as it is named. */
export type MaterialSource =
  /** A model or dataset on disk. */
  | { readonly kind: 'path'; readonly role: 'base-model' | 'dataset'; readonly path: string }
  /** A release in a store. */
  | { readonly kind: 'release'; readonly role: 'base-model' | 'dataset'; readonly location: StoreLocation }
  /** Bound by a digest already. */
  | { readonly kind: 'bound'; readonly material: Material };

/** How materials are looked at. */
export interface ResolveMaterialsOptions extends Omit<IdentifyModelOptions, 'signature'> {
  /** Opens the store of a location for some work. */
  readonly withStore: <T>(location: StoreLocation, work: (store: Store) => Promise<T>) => Promise<T>;
}

/** A material, and what its digest rests on. */
export interface ResolvedMaterial {
  readonly material: Material;
  readonly check: Check;
  readonly findings: readonly Finding[];
}

/** An adapter has this file, whatever else it has. */
const ADAPTER_CONFIG = 'adapter_config.json';

/**
 * Binds a material by digest. A signed model or dataset on disk is bound to the id that its signature gives, without reading
 * its bytes; an unsigned one is hashed. A release is bound to the model id of its record. No signer is looked at: whether the
 * material can be trusted is asked when the lineage is verified.
 *
 * @param relation how a base became the model
 * @throws MlsignError what {@link identifyModel} and the store throw
 */
export async function resolveMaterial(
  source: MaterialSource,
  relation: Relation | undefined,
  options: ResolveMaterialsOptions,
): Promise<ResolvedMaterial> {
  switch (source.kind) {
    case 'bound': {
      const { material } = source;
      const detail = `${material.uri ?? material.name ?? material.role}: bound by the digest that was given`;
      return { material: related(material, relation), check: { name: 'material', status: 'passed', detail }, findings: [] };
    }
    case 'path':
      return fromPath(source, relation, options);
    case 'release':
      return fromRelease(source, relation, options);
  }
}

async function fromPath(
  { role, path }: Extract<MaterialSource, { kind: 'path' }>,
  relation: Relation | undefined,
  options: ResolveMaterialsOptions,
): Promise<ResolvedMaterial> {
  const source = await openModel(path);
  const { name, modelId, manifest, files, isSigned, check, findings } = await identifyModel(source, options, false);
  const { method, hashType } = manifest.serialization;
  const [only] = manifest.resources;
  const isPlainFile = source.kind === 'file' && method === 'files' && hashType === 'sha256';
  // Other tools know a single file by its plain digest.
  const digests = { mlsignModel: modelId, ...(isPlainFile && only !== undefined ? { sha256: only.digest } : {}) };
  const material = bound(digests, { role: roleOf(role, files), name });
  const unsigned: Finding = {
    code: 'material-unsigned',
    severity: 'note',
    message: `nobody has signed this ${role === 'dataset' ? 'dataset' : 'base'}: it is bound by its bytes alone`,
    subject: source.name,
    suggestion: 'sign it with mlsign sign, so that its lineage can be verified too',
  };
  return {
    material: related(material, relation),
    check: { ...check, name: 'material' },
    findings: [...findings, ...(isSigned ? [] : [unsigned])],
  };
}

async function fromRelease(
  { role, location }: Extract<MaterialSource, { kind: 'release' }>,
  relation: Relation | undefined,
  { withStore, signal }: ResolveMaterialsOptions,
): Promise<ResolvedMaterial> {
  const record = await withStore(location, (store) => claimedRelease(store, location, signal));
  const { number, modelId, objects } = record;
  const place = locationText(location, { kind: 'release', number });
  const files = new Set(objects.map(({ name }) => name));
  // A directory's path is that of one machine.
  const where = location.store.kind === 's3' ? { uri: place } : {};
  const material = bound({ mlsignModel: modelId }, { role: roleOf(role, files), name: `${location.name}@${number}`, ...where });
  const detail = `${place}: model id ${modelId}, by its release record, whose signer was not looked at; its bytes were not read`;
  return { material: related(material, relation), check: { name: 'material', status: 'passed', detail }, findings: [] };
}

function roleOf(role: 'base-model' | 'dataset', files: ReadonlySet<string>): Material['role'] {
  return role === 'base-model' && files.has(ADAPTER_CONFIG) ? 'adapter' : role;
}

function related(material: Material, relation: Relation | undefined): Material {
  return relation !== undefined && material.role === 'base-model' ? { ...material, relation } : material;
}

function bound(digests: Readonly<Record<string, string>>, rest: Omit<Material, 'digest' | 'digests'>): Material {
  const material = materialOf(digests, rest);
  if (material === undefined) throw new TypeError('a model id binds a material');
  return material;
}
