import { MlsignError, systemClock } from '../core/index.ts';
import { inParallel, layoutOf, type PartedObject, type StoreLocation, type VersionId } from '../store/index.ts';
import { DEFAULT_MIN_AGE } from './collect-garbage.ts';
import { readReferences } from './garbage-references.ts';
import { withoutClass } from './push-bundles.ts';
import type { PushModelOptions } from './push-model.ts';

/** What is younger is no garbage before the push that uses it has ended. */
const MOST_AGE = DEFAULT_MIN_AGE / 2;

/** Copies within a store at once. */
const COPIES_AT_ONCE = 4;

/**
 * Writes again what an earlier push of a model left long ago and no release refers to: `gc`, which may have listed it already,
 * removes those very versions and no others.
 *
 * @param objects what a release is about to pin
 * @returns by key, the version that is there now, where it is another one
 * @throws MlsignError `object-missing` where it was removed meanwhile, and what the store throws
 */
export async function renewLeftovers(
  location: StoreLocation,
  modelId: string,
  objects: readonly PartedObject[],
  options: PushModelOptions,
): Promise<ReadonlyMap<string, VersionId>> {
  const { store, attributes, signal } = options;
  const old = await findOld(location, modelId, objects, options);
  if (old.length === 0) return new Map();
  const { models, lost } = await readReferences(store, location, signal);
  if (models.has(modelId) || lost.has(modelId)) return new Map();
  const { bundles } = layoutOf(location);
  return new Map(
    await inParallel(old, COPIES_AT_ONCE, signal, async (object, either) => {
      const { version } = await store.restore(
        object,
        object.key.startsWith(bundles(modelId)) ? withoutClass(attributes) : attributes,
        either,
      );
      return [object.key, version] as const;
    }),
  );
}

/** Those that have lain there for long. Who may not list cannot tell, and pushes all the same. */
async function findOld(
  location: StoreLocation,
  modelId: string,
  objects: readonly PartedObject[],
  { store, clock = systemClock, signal }: PushModelOptions,
): Promise<readonly PartedObject[]> {
  const before = clock().getTime() - MOST_AGE;
  const byKey = new Map(objects.map((object) => [object.key, object]));
  const old: PartedObject[] = [];
  const layout = layoutOf(location);
  try {
    for (const prefix of [layout.bundles(modelId), layout.files(modelId)]) {
      if (!objects.some(({ key }) => key.startsWith(prefix))) continue;
      for await (const { key, version, modified } of store.history(prefix, signal)) {
        const object = byKey.get(key);
        if (object?.version === version && modified.getTime() < before) old.push(object);
      }
    }
  } catch (error) {
    if (!(error instanceof MlsignError) || error.code !== 'object-forbidden') throw error;
  }
  return old;
}
