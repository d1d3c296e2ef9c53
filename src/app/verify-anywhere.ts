import type { Clock } from '../core/index.ts';
import type { Policy } from '../policy/index.ts';
import { isStoreLocation, parseLocation, type Store, type StoreLocation } from '../store/index.ts';
import type { LineageOptions } from './check-lineage.ts';
import type { EngineOptions } from './hash-model.ts';
import type { EvidenceOptions } from './open-signatures.ts';
import { type Verification, verifyModel } from './verify-model.ts';
import { verifyRelease } from './verify-release.ts';

/** How a model is verified, wherever it lies. */
export interface VerifyAnywhereOptions extends EngineOptions, EvidenceOptions, Pick<LineageOptions, 'search' | 'searchStores'> {
  readonly policy: Policy;
  /** Of a model on disk. */
  readonly signatures?: readonly string[] | undefined;
  readonly openStore: (place: Pick<StoreLocation, 'store'>) => Promise<Store>;
  readonly clock?: Clock | undefined;
}

/**
 * Verifies a model on disk or a release in a store. Nothing is remembered of channels.
 *
 * @param model a path, or a location as `parseLocation` takes it
 * @throws MlsignError as `verifyModel` and `verifyRelease`
 */
export async function verifyAnywhere(model: string, options: VerifyAnywhereOptions): Promise<Verification> {
  if (!isStoreLocation(model)) return verifyModel(model, { ...options, lineage: 'asked' });
  const location = parseLocation(model);
  const store = await options.openStore(location);
  try {
    return await verifyRelease(location, { ...options, lineage: 'asked', store });
  } finally {
    await store.close();
  }
}
