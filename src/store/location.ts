import { isAbsolute, join, resolve, sep } from 'node:path';
import { usage } from '../core/index.ts';

/** Which release of a model is meant. */
export type ReleaseReference =
  | { readonly kind: 'release'; readonly number: number }
  | { readonly kind: 'channel'; readonly name: string }
  /** The newest release of exactly this model. */
  | { readonly kind: 'model'; readonly id: string };

/** Where a store is: a bucket, or a directory. Keys are relative to it. */
export type StoreAddress = { readonly kind: 's3'; readonly bucket: string } | { readonly kind: 'local'; readonly root: string };

/** A name in a store, as `s3://bucket/prefix/name@production` or `file:path/name@7` says it. */
export interface StoreLocation {
  readonly store: StoreAddress;
  /** Of every key beneath: `prefix/`, or empty. Always empty in a local store, whose root is the directory that holds the models. */
  readonly prefix: string;
  /** The model's logical name: the last segment. */
  readonly name: string;
  readonly reference?: ReleaseReference | undefined;
  /** Without the reference, as it is printed and as rules of a policy know it: `s3://bucket/prefix/name`. */
  readonly url: string;
}

/** A channel's name starts with a letter, so that it is never a release number. */
export const CHANNEL_NAME = /^[A-Za-z][A-Za-z0-9._-]{0,63}$/;
const RELEASE_NUMBER = /^[1-9]\d{0,14}$/;
const MODEL_ID = /^sha256:[0-9a-f]{64}$/;
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** S3's limit for a whole key. */
const MAX_KEY_BYTES = 1024;

/** Whether an argument names a place in a store: a bare path is a model on disk. */
export function isStoreLocation(text: string): boolean {
  return text.startsWith('s3://') || text.startsWith('file:');
}

/**
 * Reads `s3://bucket/prefix/name[@reference]` or `file:path/name[@reference]`; a reference is a release number, a channel or
 * `sha256:` and a model id.
 *
 * @throws MlsignError `location-malformed`
 */
export function parseLocation(text: string): StoreLocation {
  const [path, reference] = splitReference(text);
  if (path.startsWith('s3://')) return s3Location(text, path.slice('s3://'.length), reference);
  if (path.startsWith('file:')) return localLocation(text, path.slice('file:'.length), reference);
  const meant = /^\w+:/.test(text) ? [] : [`file:${text}`];
  throw malformed(text, 'begins neither with "s3://" nor with "file:"', meant);
}

/**
 * Reads the place of a whole store, for `mlsign ls`: a bucket with or without a prefix, or a directory.
 *
 * @throws MlsignError `location-malformed`
 */
export function parseStorePlace(text: string): Omit<StoreLocation, 'name' | 'reference'> {
  const bucket = /^s3:\/\/([^/]*)\/?$/.exec(text)?.[1];
  if (bucket !== undefined) {
    if (!BUCKET.test(bucket)) throw malformed(text, 'has no bucket name after s3://');
    return { store: { kind: 's3', bucket }, prefix: '', url: `s3://${bucket}` };
  }
  if (text.startsWith('file:')) {
    const root = text.slice('file:'.length);
    if (root === '' || root.startsWith('//') || root.includes('\0')) throw malformed(text, 'has no path after file:');
    return { store: { kind: 'local', root: resolve(root) }, prefix: '', url: `file:${slashes(resolve(root))}` };
  }
  const { store, prefix, name, url, reference } = parseLocation(text.replace(/\/$/, ''));
  if (reference !== undefined) throw malformed(text, 'names a release or a channel, where a place with models is asked for');
  return { store, prefix: `${prefix}${name}/`, url };
}

/** The location with a reference, as users write it. */
export function locationText({ url }: Pick<StoreLocation, 'url'>, reference: ReleaseReference): string {
  switch (reference.kind) {
    case 'release':
      return `${url}@${reference.number}`;
    case 'channel':
      return `${url}@${reference.name}`;
    case 'model':
      return `${url}@sha256:${reference.id}`;
  }
}

function splitReference(text: string): readonly [string, string | undefined] {
  const at = text.lastIndexOf('@');
  return at === -1 || text.indexOf('/', at) !== -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function s3Location(text: string, path: string, reference: string | undefined): StoreLocation {
  const [bucket = '', ...segments] = path.split('/');
  if (!BUCKET.test(bucket)) throw malformed(text, 'has no bucket name after s3://');
  const name = segments.pop() ?? '';
  for (const segment of [...segments, name]) checkSegment(text, segment);
  if (Buffer.byteLength(path) > MAX_KEY_BYTES / 2) throw malformed(text, 'is longer than keys of a model leave room for');
  const prefix = segments.map((segment) => `${segment}/`).join('');
  return { store: { kind: 's3', bucket }, prefix, name, reference: parseReference(text, reference), url: `s3://${path}` };
}

function localLocation(text: string, path: string, reference: string | undefined): StoreLocation {
  if (path.startsWith('//')) throw malformed(text, 'is a URL, and mlsign wants a path: file:models/name or file:/srv/models/name');
  const absolute = isAbsolute(path) ? resolve(path) : resolve(join('.', path));
  const segments = absolute.split(sep);
  const name = segments.at(-1) ?? '';
  if (path === '' || path.endsWith('/')) throw malformed(text, 'does not end with the name of a model');
  checkSegment(text, name);
  const root = resolve(absolute, '..');
  return { store: { kind: 'local', root }, prefix: '', name, reference: parseReference(text, reference), url: `file:${slashes(absolute)}` };
}

function slashes(path: string): string {
  return path.split(sep).join('/');
}

function checkSegment(text: string, segment: string): void {
  if (segment === '' || segment === '.' || segment === '..') throw malformed(text, 'has an empty, "." or ".." segment');
  if (segment === '.mlsign') throw malformed(text, 'has a segment .mlsign, where mlsign keeps its own records');
  if (/[\p{Cc}\\@]/u.test(segment)) throw malformed(text, 'has a control character, "\\" or "@" in a name');
}

function parseReference(text: string, reference: string | undefined): ReleaseReference | undefined {
  if (reference === undefined) return undefined;
  if (RELEASE_NUMBER.test(reference)) return { kind: 'release', number: Number(reference) };
  if (MODEL_ID.test(reference)) return { kind: 'model', id: reference.slice('sha256:'.length) };
  if (CHANNEL_NAME.test(reference)) return { kind: 'channel', name: reference };
  throw malformed(text, 'has after "@" neither a release number, nor a channel, nor sha256: with 64 hex digits');
}

function malformed(text: string, reason: string, meant: readonly string[] = []) {
  return usage('location-malformed', `this is no place in a store: it ${reason}`, {
    subject: text,
    expected: 's3://bucket/prefix/name or file:path/name, with @7, @production or @sha256:… for a release',
    suggestions: [...meant, 'mlsign ls s3://bucket/prefix shows what is there'],
  });
}
