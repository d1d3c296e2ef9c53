import { Decoder, type JsonLimits, MlsignError, parseJson, refused } from '../core/index.ts';
import {
  decodeResources,
  decodeSerialization,
  groupByFile,
  type Manifest,
  type Resource,
  rootDigest,
  shardName,
  sortResources,
} from '../formats/index.ts';
import type { HashedModel } from './hash-model.ts';
import { modelId } from './model-id.ts';
import { parseModelName } from './model-name.ts';
import type { Source } from './source.ts';

/** The `type` of a {@link ManifestDocument}. */
export const MANIFEST_TYPE = 'https://mlsign/manifest/v1';

/** The largest manifest document that is read, in bytes. */
export const MAX_MANIFEST_BYTES = 48 * 1024 * 1024;

const LIMITS: JsonLimits = { maxBytes: MAX_MANIFEST_BYTES, maxDepth: 8, maxValues: 1_200_000 };

/** What `mlsign hash --json` prints and `mlsign sign --manifest` reads; `schemas/manifest.schema.json` describes it. */
export interface ManifestDocument {
  readonly type: typeof MANIFEST_TYPE;
  readonly model: { readonly name: string; readonly kind: Source['kind']; readonly files: number; readonly bytes: number };
  /** OMS root digest, hex: does not bind names. */
  readonly model_digest: string;
  /** Hex: binds names, bytes and how they were hashed. */
  readonly model_id: string;
  readonly serialization: {
    readonly method: 'files' | 'shards';
    readonly hash_type: string;
    readonly shard_size?: number;
    readonly allow_symlinks: boolean;
    readonly ignore_paths: readonly string[];
  };
  readonly resources: readonly Resource[];
  /** What the model holds and the manifest leaves out: ignored paths that exist, and zero-byte files where there are shards only. */
  readonly unsigned: { readonly ignored: readonly string[]; readonly empty_files: readonly string[] };
}

/**
 * The manifest of a hashed model, its resources in code point order.
 *
 * @throws MlsignError `model-empty` where no file is left to sign
 */
export function manifestOf(hashed: HashedModel): Manifest {
  const { serialization, source } = hashed;
  const { shardSize } = serialization;
  if (hashed.unhashed.length > 0) throw new MlsignError('bug', 'not-hashed', 'a manifest was asked of a model that was hashed in part');
  const resources: Resource[] = [];
  for (const { name, size, digests } of hashed.files) {
    digests.forEach((digest, i) => {
      if (shardSize === undefined) resources.push({ name, digest });
      else resources.push({ name: shardName(name, i * shardSize, Math.min((i + 1) * shardSize, size)), digest });
    });
  }
  if (resources.length === 0) {
    throw refused('model-empty', 'the model holds nothing to sign', {
      subject: source.path,
      expected: shardSize === undefined ? 'at least one file that is not ignored' : 'at least one file with content that is not ignored',
      got: `${hashed.files.length} files, ${hashed.ignored.length} ignored paths`,
      suggestions:
        shardSize === undefined
          ? ['check the path and --ignore-paths']
          : ['check the path and --ignore-paths', 'use --method files, which signs zero-byte files too'],
    });
  }
  return { serialization, resources: sortResources(resources) };
}

/** A hashed model's manifest as a document that can be kept, and signed elsewhere. */
export function manifestDocument(hashed: HashedModel): ManifestDocument {
  const { serialization, resources } = manifestOf(hashed);
  const { method, hashType, shardSize, allowSymlinks, ignorePaths } = serialization;
  return {
    type: MANIFEST_TYPE,
    model: { name: hashed.source.name, kind: hashed.source.kind, files: hashed.files.length, bytes: hashed.bytes },
    model_digest: rootDigest(resources),
    model_id: modelId({ serialization, resources }),
    serialization: {
      method,
      hash_type: hashType,
      ...(shardSize === undefined ? {} : { shard_size: shardSize }),
      allow_symlinks: allowSymlinks,
      ignore_paths: ignorePaths,
    },
    resources,
    unsigned: { ignored: hashed.ignored, empty_files: shardSize === undefined ? [] : hashed.emptyFiles },
  };
}

/**
 * Reads a {@link ManifestDocument} and computes its digests anew.
 *
 * @param where names the document in errors
 * @throws MlsignError `manifest-malformed`, `manifest-digest-wrong`, `name-invalid`, and what `parseJson` throws
 */
export function parseManifestDocument(bytes: Uint8Array, where: string): { readonly subjectName: string; readonly manifest: Manifest } {
  const decoder = new Decoder();
  const fields = decoder.object(parseJson(bytes, where, LIMITS), '');
  fields.oneOf('type', [MANIFEST_TYPE]);
  const model = fields.object('model');
  const subjectName = model.string('name');
  model.oneOf('kind', ['file', 'directory', 'archive']);
  const files = model.integer('files', 1);
  model.integer('bytes', 0);
  model.done();
  const serialization = decodeSerialization(decoder, fields.object('serialization'), false);
  const resources = decodeResources(decoder, fields.array('resources', 1), 'resources', serialization, false);
  const manifest = { serialization, resources };
  const unsigned = fields.object('unsigned');
  for (const [i, path] of unsigned.array('ignored').entries()) decoder.string(path, `unsigned.ignored[${i}]`);
  const empty = unsigned.array('empty_files');
  for (const [i, path] of empty.entries()) decoder.string(path, `unsigned.empty_files[${i}]`);
  unsigned.done();
  const digests = { model_digest: fields.string('model_digest'), model_id: fields.string('model_id') };
  fields.done();
  decoder.finish('manifest-malformed', 'manifest', where);
  const computed = { model_digest: rootDigest(sortResources(resources)), model_id: modelId(manifest) };
  for (const name of ['model_digest', 'model_id'] as const) refuseDifferent(name, digests[name], computed[name], where);
  refuseDifferent('model.files', `${files}`, `${groupByFile(manifest).size + empty.length}`, where);
  return { subjectName: parseModelName(subjectName, where), manifest };
}

function refuseDifferent(field: string, given: string, computed: string, where: string): void {
  if (given === computed) return;
  throw refused('manifest-digest-wrong', `the manifest was changed after it was made: its resources do not give its ${field}`, {
    subject: where,
    expected: given,
    got: computed,
    suggestions: ['make the manifest again with mlsign hash --json'],
  });
}
