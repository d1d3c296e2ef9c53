import { type Decoder, DIGEST_BYTES, type Fields, isJsonObject, type JsonObject, type JsonValue } from '../core/index.ts';
import { type Resource, type Serialization, type Shard, shardsByPath } from './manifest.ts';
import { checkIgnorePath, checkResourceName, parseShardName, shardName } from './resource-name.ts';

const HEX = /^[0-9a-f]+$/u;
/** A hostile manifest may be wrong a million times; the first ones say enough. */
const MAX_PROBLEMS = 100;

/**
 * Reads the fields of an OMS `serialization` (§5.2.2).
 *
 * @param shardedNames whether `sha256-sharded-<shard_size>` also names the hash of shards, as version 0.3.1 wrote
 */
export function decodeSerialization(decoder: Decoder, fields: Fields, shardedNames: boolean): Serialization {
  const method = fields.oneOf('method', ['files', 'shards']);
  const shardSize = method === 'shards' ? fields.integer('shard_size', 1) : undefined;
  const named = fields.raw('hash_type');
  const plain = shardedNames && typeof named === 'string' ? withoutShardSize(named, shardSize) : named;
  const hashType = fields.present ? decoder.oneOf(plain, fields.at('hash_type'), ['sha256', 'blake2b', 'blake3']) : 'sha256';
  const allowSymlinks = fields.boolean('allow_symlinks');
  const ignorePaths = fields.has('ignore_paths') ? decodeIgnorePaths(decoder, fields) : [];
  fields.done();
  return { method, hashType, ...(shardSize === undefined ? {} : { shardSize }), allowSymlinks, ignorePaths };
}

function decodeIgnorePaths(decoder: Decoder, fields: Fields): readonly string[] {
  return fields.array('ignore_paths').map((value, i) => {
    const path = fields.at(`ignore_paths[${i}]`);
    const text = decoder.string(value, path);
    const reason = text === '' ? undefined : checkIgnorePath(text);
    if (reason !== undefined) decoder.problem(path, `an exact path inside the model (this one ${reason})`, value);
    return text;
  });
}

/** The reference implementation names the hash of a shard `sha256-sharded-<size>`; OMS names it `sha256`. */
function withoutShardSize(name: string, shardSize: number | undefined): string {
  const suffix = `-sharded-${shardSize}`;
  return shardSize !== undefined && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

/**
 * Reads resources: names that may be used and stand once, digests of the right length, shards that tile their files.
 * Unknown fields of a resource are ignored (OMS §5.2.1).
 *
 * @param withAlgorithm whether each resource names its algorithm, which must then be the one of the serialization
 */
export function decodeResources(
  decoder: Decoder,
  list: readonly JsonValue[],
  path: string,
  serialization: Serialization,
  withAlgorithm: boolean,
): readonly Resource[] {
  const resources: Resource[] = [];
  for (const [i, value] of list.entries()) {
    if (decoder.problems.length >= MAX_PROBLEMS) return resources;
    if (!isJsonObject(value)) {
      decoder.problem(`${path}[${i}]`, 'an object', value);
      continue;
    }
    const problem: Report = (field, expected) => decoder.problem(`${path}[${i}].${field}`, expected, value[field]);
    if (withAlgorithm) checkAlgorithm(value, serialization, problem);
    resources.push(decodeResource(value, serialization, problem));
  }
  checkTogether(decoder, resources, path, serialization);
  return resources;
}

/** Notes a wrong field of a resource; its path is made only then, as there may be a million resources. */
type Report = (field: string, expected: string) => void;

function decodeResource(value: JsonObject, { method, hashType }: Serialization, problem: Report): Resource {
  const { name, digest } = value;
  const length = 2 * DIGEST_BYTES[hashType];
  const goodDigest = typeof digest === 'string' && digest.length === length && HEX.test(digest) ? digest : undefined;
  if (goodDigest === undefined) problem('digest', `${length} lower-case hex digits`);
  if (typeof name !== 'string') {
    problem('name', 'a string');
    return { name: '', digest: '' };
  }
  const file = method === 'files' ? name : parseShardName(name)?.path;
  if (file === undefined) problem('name', 'a shard named path:start:end');
  // "." stands for the model itself where it is one file, as the reference implementation writes.
  const reason = file === undefined || file === '.' ? undefined : checkResourceName(file);
  if (reason !== undefined) problem('name', `a path inside the model (this one ${reason})`);
  return { name, digest: goodDigest ?? '' };
}

function checkAlgorithm({ algorithm }: JsonObject, { hashType, shardSize }: Serialization, problem: Report): void {
  const plain = typeof algorithm === 'string' ? withoutShardSize(algorithm, shardSize) : algorithm;
  if (plain !== hashType) problem('algorithm', `"${hashType}", the hash_type`);
}

function checkTogether(decoder: Decoder, resources: readonly Resource[], path: string, serialization: Serialization): void {
  const names = new Set<string>();
  for (const [i, { name }] of resources.entries()) {
    if (names.has(name)) decoder.problem(`${path}[${i}].name`, 'each name once', name);
    if (decoder.problems.length >= MAX_PROBLEMS) return;
    names.add(name);
  }
  const { shardSize } = serialization;
  const files = shardSize === undefined ? names : checkTiling(decoder, resources, path, shardSize);
  if (files.has('.') && files.size > 1) decoder.problem(path, 'no "." beside other files', '.');
}

/** Each file's shards start at 0, follow each other without hole or overlap, and only the last may be shorter (OMS §6.3.2). */
function checkTiling(decoder: Decoder, resources: readonly Resource[], path: string, shardSize: number): ReadonlyMap<string, unknown> {
  const files = shardsByPath(resources);
  for (const [file, shards] of files) {
    const wrong = firstMisplaced(shards, shardSize);
    if (wrong === undefined) continue;
    const { start, end } = wrong.shard;
    decoder.problem(path, `${wrong.expected} in shards of ${shardSize} bytes`, shardName(file, start, end));
    if (decoder.problems.length >= MAX_PROBLEMS) break;
  }
  return files;
}

function firstMisplaced(shards: readonly Shard[], shardSize: number): { shard: Shard; expected: string } | undefined {
  let at = 0;
  for (const [i, shard] of shards.entries()) {
    if (shard.start !== at) return { shard, expected: `a shard that starts at ${at}` };
    const size = shard.end - shard.start;
    if (size > shardSize || (size < shardSize && i < shards.length - 1)) return { shard, expected: `one that ends at ${at + shardSize}` };
    at = shard.end;
  }
  return undefined;
}
