import type { IncomingMessage } from 'node:http';
import { Violation } from './violation.ts';

/** A request, taken apart. */
export interface S3Request {
  readonly method: string;
  /** The bucket and the key that it names; empty where it names none. */
  readonly bucket: string;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: ReadonlyMap<string, string>;
  /** Path and query as they are signed. */
  readonly canonical: { readonly path: string; readonly query: string };
  readonly body: AsyncIterable<Uint8Array>;
}

const PLAIN_HOST = /^(?:127\.0\.0\.1|localhost|s3\.localhost|s3\.[a-z0-9-]+\.amazonaws\.com)(?::\d+)?$/;
const BUCKET_HOST = /^([a-z0-9][a-z0-9.-]+?)\.s3\.(?:localhost|[a-z0-9-]+\.amazonaws\.com)(?::\d+)?$/;

/** Reads where a request goes: the bucket in the path, or in the host. */
export function readRequest(message: IncomingMessage, body: AsyncIterable<Uint8Array>): S3Request {
  const { method = '', url = '' } = message;
  const [rawPath = '', rawQuery = ''] = url.split(/\?(.*)/s);
  const path = decodeURIComponent(rawPath);
  const query = new Map<string, string>();
  for (const pair of rawQuery === '' ? [] : rawQuery.split('&')) {
    const [name = '', value = ''] = pair.split(/=(.*)/s).map(decodeURIComponent);
    if (query.has(name)) throw new Violation(`the parameter ${name} twice`);
    query.set(name, value);
  }
  const headers = new Map<string, string>();
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    if (values === undefined) continue;
    if (values.length > 1) throw new Violation(`the header ${name} twice`);
    headers.set(name, values[0] ?? '');
  }
  const canonicalQuery = [...query]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  return {
    method,
    ...placeOf(headers.get('host') ?? '', path),
    query,
    headers,
    canonical: { path: path.split('/').map(encode).join('/'), query: canonicalQuery },
    body,
  };
}

function placeOf(host: string, path: string): { readonly bucket: string; readonly key: string } {
  if (PLAIN_HOST.test(host)) {
    const [, bucket = '', key = ''] = /^\/([^/]*)(?:\/(.*))?$/s.exec(path) ?? [];
    return { bucket, key };
  }
  const bucket = BUCKET_HOST.exec(host)?.[1];
  if (bucket === undefined) throw new Violation(`the host ${host}`);
  return { bucket, key: path.slice(1) };
}

/** As Signature Version 4 encodes: all but the unreserved characters. */
export function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** A parameter that is a number within bounds; more than `max` is taken as `max`. */
export function numberIn(text: string | undefined, fallback: number, max: number, refuse: (text: string) => Error): number {
  if (text === undefined) return fallback;
  if (!/^\d{1,10}$/.test(text)) throw refuse(text);
  return Math.min(Number(text), max);
}
