import { createHash } from 'node:crypto';
import { readFileSync, type Stats } from 'node:fs';
import { identityOf } from '../../src/digest/index.ts';
import type { Store } from '../../src/store/index.ts';

export const KEY = 'model/folder/file';

type Action = (store: Store, source: string, stats: Stats) => Promise<unknown>;

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** What a process does with a store that is killed meanwhile. */
export const ACTIONS: Readonly<Record<string, Action>> = {
  write: async (store, source) => {
    const current = await store.current(KEY);
    await store.write(KEY, readFileSync(source), current === undefined ? 'absent' : { tag: current.tag });
  },
  upload: async (store, source, stats) => {
    const signed = { algorithm: 'sha256' as const, digests: [sha256(readFileSync(source))] };
    await store.upload([{ key: KEY, path: source, identity: identityOf(stats), signed }], {});
  },
  remove: async (store) => {
    const current = await store.current(KEY);
    if (current !== undefined) await store.remove(current);
  },
};
