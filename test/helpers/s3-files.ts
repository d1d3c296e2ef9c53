import { createHash } from 'node:crypto';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { StoreConnection } from '../../src/aws/index.ts';
import { identityOf } from '../../src/digest/index.ts';
import { type FileUpload, openStore, type Store } from '../../src/store/index.ts';
import type { S3Bench } from './s3.ts';
import type { Sandbox } from './sandbox.ts';

/** The smallest part that mlsign makes: signed shards of this size are sent as parts. */
export const SHARD = 8 * 2 ** 20;

/** Another attempt at once. */
export const AT_ONCE = { wait: async () => undefined, random: () => 0 };

/** The store in a bucket, which waits for nothing between attempts. */
export async function storeIn(bench: S3Bench, connection: StoreConnection = {}, bucket = bench.bucket): Promise<Store> {
  return openStore(
    { kind: 's3', bucket },
    bench.connection({ timeoutMs: 5000, ...connection, retries: { ...AT_ONCE, ...connection.retries } }),
  );
}

/** A file to upload that is signed as a whole, or in shards. */
export function fileToUpload(sandbox: Sandbox, key: string, data: Uint8Array, shardSize?: number): FileUpload {
  const path = sandbox.path(...key.split('/'));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, data);
  const shards = shardSize === undefined ? [data] : shardsOf(data, shardSize);
  return { key, path, identity: identityOf(statSync(path)), signed: { algorithm: 'sha256', shardSize, digests: shards.map(sha256) } };
}

export function shardsOf(data: Uint8Array, shardSize: number): readonly Uint8Array[] {
  return Array.from({ length: Math.ceil(data.length / shardSize) }, (_, i) => data.subarray(i * shardSize, (i + 1) * shardSize));
}

export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
