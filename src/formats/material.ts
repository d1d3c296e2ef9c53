import { type Decoder, isJsonObject, type JsonObject, type JsonValue } from '../core/index.ts';

/** The most materials that one model may name. */
export const MAX_MATERIALS = 100_000;
/** Digests of one material; more than there are algorithms. */
const MAX_DIGESTS = 64;

/** What a material was to the model. */
export const MATERIAL_ROLES = ['base-model', 'adapter', 'dataset', 'code', 'config', 'tokenizer', 'container'] as const;
export type MaterialRole = (typeof MATERIAL_ROLES)[number];

/** How a model was made from its base. */
export const RELATIONS = ['finetune', 'adapter', 'quantized', 'merge', 'distilled'] as const;
export type Relation = (typeof RELATIONS)[number];

const HEX_64 = /^[0-9a-f]{64}$/;
const HEX_96 = /^[0-9a-f]{96}$/;
const HEX_128 = /^[0-9a-f]{128}$/;
const GIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The digests that mlsign knows beside the model id, by in-toto's names, the strongest first, and what each looks like. */
const DIGESTS = {
  sha512: HEX_128,
  sha3_512: HEX_128,
  blake2b: HEX_128,
  sha384: HEX_96,
  sha3_384: HEX_96,
  sha256: HEX_64,
  sha512_256: HEX_64,
  sha3_256: HEX_64,
  blake3: HEX_64,
  dirHash: HEX_64,
  gitCommit: GIT,
  gitTree: GIT,
  sha1: /^[0-9a-f]{40}$/,
  md5: /^[0-9a-f]{32}$/,
  /** Of a dataset that an MLflow run names: eight digits of some hash. */
  mlflowDigest: /^[!-~]{1,64}$/,
} as const;
export type DigestName = keyof typeof DIGESTS;
const DIGEST_NAMES = Object.keys(DIGESTS).filter(isDigestName);
/** Others can make content with the same digest. */
const WEAK: readonly DigestName[] = ['sha1', 'md5', 'mlflowDigest'];

/** By what a material is bound. Edges between models are bound by model id alone. */
export type MaterialDigest =
  | { readonly kind: 'model' /** Model id, hex. */; readonly id: string }
  | { readonly kind: DigestName; readonly value: string };

/** One thing that a model was made from. */
export interface Material {
  /** `other` only where another tool gave none that mlsign knows. */
  readonly role: MaterialRole | 'other';
  readonly name?: string | undefined;
  /** Where it was; never what identifies it. */
  readonly uri?: string | undefined;
  /** The strongest of its digests. */
  readonly digest: MaterialDigest;
  /** All of them by algorithm, as they stand; the model id is `mlsignModel`. */
  readonly digests: Readonly<Record<string, string>>;
  readonly relation?: Relation | undefined;
}

/** What a subject, a material or a parameter may be called. */
export const MATERIAL_NAME = /^\P{Cc}{1,1024}$/u;
/** What names a material's place, a builder or a type: a URI with its scheme. */
export const MATERIAL_URI = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s\p{Cc}]{1,4096}$/u;
const OTHER_DIGEST = /^[!-~]{1,1024}$/;

/** Whether a text is a URI with its scheme. */
export function isUri(text: string): boolean {
  return MATERIAL_URI.test(text);
}

/** Whether a text may stand as the value of a digest; of algorithms that mlsign does not know, any word may. */
export function isDigestValue(algorithm: string, value: string): boolean {
  if (algorithm === 'mlsignModel') return HEX_64.test(value);
  return (isDigestName(algorithm) ? DIGESTS[algorithm] : OTHER_DIGEST).test(value);
}

/** Whether a digest is of an algorithm that mlsign knows. */
export function isDigestName(name: string): name is DigestName {
  return Object.hasOwn(DIGESTS, name);
}

/** Whether nobody can make other content with the same digest. */
export function isBinding(digest: MaterialDigest): boolean {
  return digest.kind === 'model' || !WEAK.includes(digest.kind);
}

/** A material by its digests; undefined where mlsign knows none of them. */
export function materialOf(digests: Readonly<Record<string, string>>, rest: Omit<Material, 'digest' | 'digests'>): Material | undefined {
  const digest = strongest(digests);
  return digest && { ...rest, digest, digests };
}

function strongest(digests: Readonly<Record<string, string>>): MaterialDigest | undefined {
  const { mlsignModel: id } = digests;
  if (id !== undefined) return { kind: 'model', id };
  const kind = DIGEST_NAMES.find((name) => Object.hasOwn(digests, name));
  const value = kind === undefined ? undefined : digests[kind];
  return kind === undefined || value === undefined ? undefined : { kind, value };
}

/** A material as a resource descriptor of in-toto. */
export function descriptorOf({ role, name, uri, digests, relation }: Material): object {
  return {
    ...(name === undefined ? {} : { name }),
    ...(uri === undefined ? {} : { uri }),
    digest: digests,
    annotations: { role, ...(relation === undefined ? {} : { relation }) },
  };
}

/**
 * Reads a resource descriptor; its other fields are left alone. Its path is made only for what is wrong, as there may be a
 * hundred thousand.
 *
 * @param isOwn whether mlsign wrote it, so that it has a role
 */
export function decodeMaterial(decoder: Decoder, value: JsonValue, path: () => string, isOwn: boolean): Material | undefined {
  if (!isJsonObject(value)) {
    decoder.problem(path(), 'an object', value);
    return undefined;
  }
  const { name, uri, digest, annotations = {} } = value;
  const problem: Report = (field, expected, got) => decoder.problem(`${path()}.${field}`, expected, got);
  if (name !== undefined && !isText(name, MATERIAL_NAME)) problem('name', 'a name of at most 1,024 characters', name);
  if (uri !== undefined && !isText(uri, MATERIAL_URI)) problem('uri', 'a URI', uri);
  if (!isJsonObject(annotations)) problem('annotations', 'an object', annotations);
  const { role, relation } = isJsonObject(annotations) ? annotations : {};
  const known = MATERIAL_ROLES.find((candidate) => candidate === role);
  if (known === undefined && isOwn) problem('annotations.role', MATERIAL_ROLES.join(' or '), role);
  const way = RELATIONS.find((candidate) => candidate === relation);
  if (way === undefined && isOwn && relation !== undefined) problem('annotations.relation', RELATIONS.join(' or '), relation);
  const material = materialOf(isJsonObject(digest) ? decodeDigests(digest, problem) : {}, {
    role: known ?? 'other',
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof uri === 'string' ? { uri } : {}),
    ...(way === undefined ? {} : { relation: way }),
  });
  if (material === undefined) problem('digest', 'at least one digest that mlsign knows', digest);
  return material;
}

type Report = (field: string, expected: string, got: JsonValue | undefined) => void;

function decodeDigests(digests: JsonObject, problem: Report): Record<string, string> {
  const entries: [string, string][] = [];
  const given = Object.entries(digests);
  if (given.length > MAX_DIGESTS) problem('digest', `at most ${MAX_DIGESTS} digests`, given.length);
  for (const [algorithm, value] of given.slice(0, MAX_DIGESTS)) {
    if (typeof value === 'string' && isDigestValue(algorithm, value)) entries.push([algorithm, value]);
    else problem(`digest.${algorithm}`, 'a digest, in lower-case hex', value);
  }
  return Object.fromEntries(entries);
}

function isText(value: JsonValue, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}
