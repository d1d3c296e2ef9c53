import { createHash } from 'node:crypto';
import { type Manifest, sortResources } from '../formats/index.ts';

/**
 * The model id, hex: SHA-256 over the RFC 8785 JSON `{"hash_type","method","resources":[{"digest","name"}…],"shard_size"?,"v":1}`
 * with the resources by name in code point order. It binds names, bytes and how they were hashed.
 */
export function modelId(manifest: Manifest): string {
  const { method, hashType, shardSize } = manifest.serialization;
  const resources = sortResources(manifest.resources);
  const hash = createHash('sha256');
  // Keys stand in RFC 8785's order, and JSON.stringify writes strings and integers as it asks.
  hash.update(`{"hash_type":${JSON.stringify(hashType)},"method":${JSON.stringify(method)},"resources":[`);
  for (let i = 0; i < resources.length; i += 1024) {
    const part = resources.slice(i, i + 1024).map(({ name, digest }) => ({ digest, name }));
    hash.update(`${i === 0 ? '' : ','}${JSON.stringify(part).slice(1, -1)}`);
  }
  hash.update(`]${shardSize === undefined ? '' : `,"shard_size":${shardSize}`},"v":1}`);
  return hash.digest('hex');
}
