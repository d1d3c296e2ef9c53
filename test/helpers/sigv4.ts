import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Someone who may call a server: credentials, and what IAM lets them do. */
export interface AwsPrincipal {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly arn: string;
  /** Actions that IAM allows: `kms:Sign`; `kms:*` for all. */
  readonly allow: readonly string[];
  /** Actions that a service control policy denies. */
  readonly deny?: readonly string[];
}

/** A request as it came. */
export interface SignedRequest {
  readonly method: string;
  /** The path as it was sent, without the query. */
  readonly path: string;
  /** The query, canonical. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  /** What stands for the body in the signature. */
  readonly payloadHash: string;
}

/** Where a signature must be for. */
export interface SignatureScope {
  readonly region: string;
  readonly service: string;
  readonly now: Date;
  /** Headers without which no signature is taken. */
  readonly mustBeSigned: readonly string[];
}

/** Who signed a request, or what is wrong. */
export type SignatureAnswer =
  | { readonly principal: AwsPrincipal }
  | { readonly wrong: 'missing' | 'unknown-key' | 'wrong-token' }
  | { readonly wrong: 'wrong-region' | 'unsigned-header' | 'expired'; readonly got: string }
  /** With what AWS shows of it: the canonical request, session token and all. */
  | { readonly wrong: 'mismatch'; readonly canonical: string };

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]+)\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;
const MAX_SKEW_MS = 5 * 60 * 1000;

/** Checks the Signature Version 4 of a request with the secret key that goes with it. */
export function checkSignature(request: SignedRequest, principals: readonly AwsPrincipal[], scope: SignatureScope): SignatureAnswer {
  const { headers } = request;
  const [, accessKeyId, day = '', region = '', service = '', signedHeaders = '', signature = ''] =
    AUTHORIZATION.exec(headers.authorization ?? '') ?? [];
  if (accessKeyId === undefined) return { wrong: 'missing' };
  const principal = principals.find((candidate) => candidate.accessKeyId === accessKeyId);
  if (principal === undefined) return { wrong: 'unknown-key' };
  if (single(headers, 'x-amz-security-token') !== (principal.sessionToken ?? '')) return { wrong: 'wrong-token' };
  const date = single(headers, 'x-amz-date');
  const names = signedHeaders.split(';');
  if (region !== scope.region || service !== scope.service || !date.startsWith(`${day}T`)) return { wrong: 'wrong-region', got: region };
  const unsigned = scope.mustBeSigned.find((name) => !names.includes(name));
  if (unsigned !== undefined) return { wrong: 'unsigned-header', got: unsigned };
  const canonical = [
    request.method,
    request.path,
    request.query,
    ...names.map((name) => `${name}:${single(headers, name).trim().replace(/ +/g, ' ')}`),
    '',
    signedHeaders,
    request.payloadHash,
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', date, `${day}/${region}/${service}/aws4_request`, createHash('sha256').update(canonical).digest('hex')];
  const key = [day, region, service, 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${principal.secretAccessKey}`));
  if (!timingSafeEqual(hmac(key, text.join('\n')), Buffer.from(signature, 'hex'))) return { wrong: 'mismatch', canonical };
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  const skew = Math.abs(Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s)) - scope.now.getTime());
  return skew <= MAX_SKEW_MS ? { principal } : { wrong: 'expired', got: date };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function single(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}
