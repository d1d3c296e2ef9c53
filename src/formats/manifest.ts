import { createHash } from 'node:crypto';
import { compareCodePoints, type HashType } from '../core/index.ts';
import { parseShardName } from './resource-name.ts';

/** OMS §6.3.2. */
export const DEFAULT_SHARD_SIZE = 1_000_000_000;

/** One signed unit: a whole file, or one byte range of it named `path:start:end`. */
export interface Resource {
  readonly name: string;
  /** Lower-case hex, as long as the hash type says. */
  readonly digest: string;
}

/** How a model was enumerated and hashed (OMS §5.2.2). */
export interface Serialization {
  readonly method: 'files' | 'shards';
  readonly hashType: HashType;
  /** Bytes; set where the method is `shards`, and only there. */
  readonly shardSize?: number | undefined;
  readonly allowSymlinks: boolean;
  /** Exact paths relative to the model's root. */
  readonly ignorePaths: readonly string[];
}

/** Every resource of a model, and how it was made. */
export interface Manifest {
  readonly serialization: Serialization;
  readonly resources: readonly Resource[];
}

/** What a manifest says about one file. */
export interface ManifestFile {
  /** Bytes; known only in shards. */
  readonly size?: number | undefined;
  /** One, or one a shard in their order. */
  readonly digests: readonly string[];
}

/** The OMS root digest (§6.5.1), hex: SHA-256 over the raw digests in the order given. It does not bind names. */
export function rootDigest(resources: readonly Resource[]): string {
  const hash = createHash('sha256');
  // Fewer, longer updates: a call into the hash costs more than the bytes of one digest.
  for (let i = 0; i < resources.length; i += 1024) {
    const part = resources.slice(i, i + 1024);
    hash.update(part.map(({ digest }) => digest).join(''), 'hex');
  }
  return hash.digest('hex');
}

/** Resources by name in Unicode code point order (OMS §5.2.1); the same array where it already is. */
export function sortResources(resources: readonly Resource[]): readonly Resource[] {
  const sorted = resources.every(({ name }, i) => i === 0 || compareCodePoints(resources[i - 1]?.name ?? '', name) <= 0);
  return sorted ? resources : resources.toSorted((a, b) => compareCodePoints(a.name, b.name));
}

/** The files of a manifest by path, in the order of their first resource. */
export function groupByFile(manifest: Manifest): ReadonlyMap<string, ManifestFile> {
  const files = new Map<string, ManifestFile>();
  if (manifest.serialization.method === 'files') {
    for (const { name, digest } of manifest.resources) files.set(name, { digests: [digest] });
    return files;
  }
  for (const [path, shards] of shardsByPath(manifest.resources)) {
    files.set(path, { size: shards.at(-1)?.end ?? 0, digests: shards.map(({ digest }) => digest) });
  }
  return files;
}

/** One byte range and its digest. */
export interface Shard {
  readonly start: number;
  readonly end: number;
  readonly digest: string;
}

/** The shards of each file by start. Resources that do not name a shard are left out. */
export function shardsByPath(resources: readonly Resource[]): ReadonlyMap<string, readonly Shard[]> {
  const files = new Map<string, Shard[]>();
  for (const { name, digest } of resources) {
    const shard = parseShardName(name);
    if (shard === undefined) continue;
    const { path, start, end } = shard;
    const known = files.get(path);
    if (known === undefined) files.set(path, [{ start, end, digest }]);
    else known.push({ start, end, digest });
  }
  for (const shards of files.values()) shards.sort((a, b) => a.start - b.start);
  return files;
}
