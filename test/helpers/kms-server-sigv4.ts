import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Someone who may call the server: credentials, and what IAM lets them do. */
export interface KmsPrincipal {
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
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Who signed a request, or the error that AWS gives. */
export type SignatureAnswer = { readonly principal: KmsPrincipal } | { readonly type: string; readonly message: string };

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]+)\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;
const MUST_BE_SIGNED = ['host', 'x-amz-date', 'x-amz-target'];
const MAX_SKEW_MS = 5 * 60 * 1000;

/** Checks the Signature Version 4 of a request with the secret key that goes with it. */
export function checkSignature(
  request: SignedRequest,
  principals: readonly KmsPrincipal[],
  scope: { readonly region: string; readonly service: string; readonly now: Date },
): SignatureAnswer {
  const { headers } = request;
  const [, accessKeyId, day = '', region = '', service = '', signedHeaders = '', signature = ''] =
    AUTHORIZATION.exec(headers.authorization ?? '') ?? [];
  if (accessKeyId === undefined) return { type: 'MissingAuthenticationTokenException', message: 'Missing Authentication Token' };
  const principal = principals.find((candidate) => candidate.accessKeyId === accessKeyId);
  if (principal === undefined || single(headers, 'x-amz-security-token') !== (principal.sessionToken ?? '')) {
    return { type: 'UnrecognizedClientException', message: 'The security token included in the request is invalid.' };
  }
  const date = single(headers, 'x-amz-date');
  const names = signedHeaders.split(';');
  const isScoped = region === scope.region && service === scope.service && date.startsWith(`${day}T`);
  if (!isScoped || MUST_BE_SIGNED.some((name) => !names.includes(name))) return mismatch(`Credential should be scoped to a valid region.`);
  const canonical = [
    request.method,
    request.url,
    '',
    ...names.map((name) => `${name}:${single(headers, name).trim().replace(/ +/g, ' ')}`),
    '',
    signedHeaders,
    createHash('sha256').update(request.body).digest('hex'),
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', date, `${day}/${region}/${service}/aws4_request`, createHash('sha256').update(canonical).digest('hex')];
  const key = [day, region, service, 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${principal.secretAccessKey}`));
  if (!timingSafeEqual(hmac(key, text.join('\n')), Buffer.from(signature, 'hex'))) {
    // AWS shows the canonical request here, session token and all.
    return mismatch(`The request signature we calculated does not match. The Canonical String should have been '${canonical}'`);
  }
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
  const skew = Math.abs(Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s)) - scope.now.getTime());
  if (!(skew <= MAX_SKEW_MS)) return mismatch(`Signature expired: ${date} is now earlier than ${scope.now.toISOString()}`);
  return { principal };
}

function mismatch(message: string): SignatureAnswer {
  return { type: 'InvalidSignatureException', message };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function single(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}
