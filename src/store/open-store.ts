import type { StoreConnection } from '../aws/index.ts';
import { LocalStore } from './local-store.ts';
import type { StoreAddress } from './location.ts';
import type { Store } from './store.ts';

/** Opens a store; nothing is asked before it is used. */
export async function openStore(address: StoreAddress, connection: StoreConnection = {}): Promise<Store> {
  switch (address.kind) {
    case 'local':
      return new LocalStore(address.root);
    case 's3': {
      const { S3Store } = await import('./s3-store.ts');
      return new S3Store(address.bucket, connection);
    }
  }
}
