import { compareCodePoints, Decoder, type Fields, isJsonObject, type JsonValue } from '../core/index.ts';
import { checkResourceName, MAX_BUNDLE_BYTES, parseStatement, STATEMENT_TYPE } from '../formats/index.ts';
import type { VersionId } from '../store/index.ts';
import { checkSubject, decodeTime, LARGEST_RELEASE, MODEL_ID, refuseOtherType, SHA256 } from './decode-statement.ts';

/** The predicate type of a release record. */
export const RELEASE_TYPE = 'https://mlsign/release/v1';

/**
 * The largest record that is read or written, in bytes, as that of any bundle: some 110,000 files, or 350,000 parts. Reading it
 * takes as much memory as reading the model's signature.
 */
export const MAX_RECORD_BYTES = MAX_BUNDLE_BYTES;

const MAX_BUNDLES = 1000;
/** A hostile record may be wrong a million times; the first ones say enough. */
const MAX_PROBLEMS = 100;
const VERSION = /^(?!null$)[\x21-\x7e]{1,1024}$/;

/** One file of a model, at one version of its object. */
export interface ReleaseObject {
  /** As in the manifest; its key is `layout.file(modelId, name)`. */
  readonly name: string;
  readonly version: VersionId;
  /** Bytes. */
  readonly size: number;
  /** Bytes of every part but the last. */
  readonly partSize: number;
  /** SHA-256 of each part, hex; one at least. */
  readonly parts: readonly string[];
}

/** One bundle about a model: its key is `layout.bundle(modelId, digest)`, that of an attestation `layout.attestation(…)`. */
export interface ReleaseBundle {
  /** SHA-256 of its bytes, hex. */
  readonly digest: string;
  readonly version: VersionId;
  readonly size: number;
}

/** An immutable record: this model, at exactly these object versions, under these bundles. */
export interface ReleaseRecord {
  /** The model's logical name. */
  readonly name: string;
  readonly number: number;
  readonly created: Date;
  readonly modelId: string;
  /** Of an archive, the one object is the archive itself, and the model id that of what it holds. */
  readonly kind: 'file' | 'directory' | 'archive';
  readonly objects: readonly ReleaseObject[];
  /** The model's own signature first. */
  readonly bundles: readonly ReleaseBundle[];
  /** Other signed statements about the model; none unless given. */
  readonly attestations?: readonly ReleaseBundle[] | undefined;
}

/** The record as the in-toto statement to sign: objects by name in code point order. */
export function releasePayload(record: ReleaseRecord): Uint8Array {
  const { name, number, created, modelId, kind, objects, bundles, attestations = [] } = record;
  const statement = {
    _type: STATEMENT_TYPE,
    subject: [{ name, digest: { mlsignModel: modelId } }],
    predicateType: RELEASE_TYPE,
    predicate: {
      name,
      release: number,
      created: created.toISOString(),
      model: { id: modelId, kind },
      objects: objects
        .toSorted((a, b) => compareCodePoints(a.name, b.name))
        .map(({ name, version, size, partSize, parts }) => ({ name, version, size, part_size: partSize, sha256: parts })),
      bundles: bundles.map(bundleFields),
      ...(attestations.length === 0 ? {} : { attestations: attestations.map(bundleFields) }),
    },
  };
  return Buffer.from(JSON.stringify(statement));
}

function bundleFields({ digest, version, size }: ReleaseBundle): object {
  return { sha256: digest, version, size };
}

/**
 * Reads a release record strictly.
 *
 * @param where names the bundle in errors
 * @throws MlsignError `release-malformed`, `predicate-type-unknown`, and what `parseStatement` throws
 */
export function parseReleaseRecord(payload: Uint8Array, where: string): ReleaseRecord {
  const statement = parseStatement(payload, where);
  refuseOtherType(statement, RELEASE_TYPE, 'a release', where);
  const decoder = new Decoder();
  const fields = decoder.object(statement.predicate, 'predicate');
  const model = fields.object('model');
  const record: ReleaseRecord = {
    name: fields.string('name'),
    number: fields.integer('release', 1, LARGEST_RELEASE),
    created: decodeTime(decoder, fields, 'created'),
    modelId: model.string('id', MODEL_ID, '64 lower-case hex digits'),
    kind: model.oneOf('kind', ['file', 'directory', 'archive']),
    objects: decodeObjects(decoder, fields),
    bundles: decodeBundles(decoder, fields, 'bundles'),
    ...(fields.has('attestations') ? { attestations: decodeBundles(decoder, fields, 'attestations') } : {}),
  };
  model.done();
  fields.done();
  checkSubject(decoder, statement, record);
  if (record.kind !== 'directory' && record.objects.length > 1)
    decoder.problem('predicate.objects', 'exactly 1 entry', record.objects.length);
  decoder.finish('release-malformed', 'release record', where);
  return record;
}

function decodeObjects(decoder: Decoder, predicate: Fields): readonly ReleaseObject[] {
  const path = predicate.at('objects');
  const objects: ReleaseObject[] = [];
  let before: string | undefined;
  for (const [i, value] of predicate.array('objects', 1).entries()) {
    if (decoder.problems.length >= MAX_PROBLEMS) break;
    const object = decodeObject(decoder, value, () => `${path}[${i}]`);
    if (object === undefined) continue;
    if (before !== undefined && compareCodePoints(before, object.name) >= 0) {
      decoder.problem(`${path}[${i}].name`, 'each name once, in code point order', object.name);
    }
    before = object.name;
    objects.push(object);
  }
  return objects;
}

const OBJECT_FIELDS = ['name', 'version', 'size', 'part_size', 'sha256'];

/** Paths are made only for what is wrong, as there may be hundreds of thousands of objects. */
function decodeObject(decoder: Decoder, value: JsonValue, path: () => string): ReleaseObject | undefined {
  if (!isJsonObject(value)) {
    decoder.problem(path(), 'an object', value);
    return undefined;
  }
  const problem = (field: string, expected: string) => decoder.problem(`${path()}.${field}`, expected, value[field]);
  for (const field of Object.keys(value)) if (!OBJECT_FIELDS.includes(field)) problem(field, 'no such field');
  const { name, version, size, part_size: partSize, sha256: parts } = value;
  const reason = typeof name === 'string' ? checkResourceName(name) : 'is none';
  if (reason !== undefined) problem('name', `a path inside the model (this one ${reason})`);
  if (!isVersion(version)) problem('version', 'the id of a version');
  if (!isCount(size)) problem('size', 'a number of bytes');
  if (!isCount(partSize) || partSize === 0) problem('part_size', 'a number of bytes, 1 at least');
  if (!isDigests(parts)) problem('sha256', 'the SHA-256 of each part, 64 lower-case hex digits');
  if (typeof name !== 'string' || !isVersion(version) || !isCount(size) || !isCount(partSize) || !isDigests(parts)) return undefined;
  const count = Math.max(1, Math.ceil(size / Math.max(1, partSize)));
  if (parts.length !== count) problem('sha256', `${count} ${count === 1 ? 'entry' : 'entries'}, one a part`);
  return { name, version, size, partSize, parts };
}

function decodeBundles(decoder: Decoder, predicate: Fields, name: string): readonly ReleaseBundle[] {
  const seen = new Set<string>();
  return predicate.array(name, 1, MAX_BUNDLES).flatMap((value, i) => {
    const fields = decoder.object(value, predicate.at(`${name}[${i}]`));
    const digest = fields.string('sha256', SHA256, '64 lower-case hex digits');
    if (seen.has(digest)) decoder.problem(fields.at('sha256'), 'each bundle once', digest);
    seen.add(digest);
    const version = fields.string('version', VERSION, 'the id of a version');
    const size = fields.integer('size', 1, MAX_BUNDLE_BYTES);
    fields.done();
    return isVersion(version) ? [{ digest, version, size }] : [];
  });
}

function isVersion(value: unknown): value is VersionId {
  return typeof value === 'string' && VERSION.test(value);
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isDigests(value: JsonValue | undefined): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((digest) => typeof digest === 'string' && SHA256.test(digest));
}
