import { unavailable } from '../core/index.ts';
import { LocalStore } from './local-store.ts';
import type { StoreAddress } from './location.ts';
import type { Store } from './store.ts';

/** Opens a store; nothing is read before it is used. */
export async function openStore(address: StoreAddress): Promise<Store> {
  if (address.kind === 'local') return new LocalStore(address.root);
  throw unavailable('store-unsupported', 'buckets are not supported yet', {
    subject: `s3://${address.bucket}`,
    suggestions: ['use a directory: file:path/name'],
  });
}
