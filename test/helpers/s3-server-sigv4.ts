import { S3Refusal } from './s3-server-answer.ts';
import type { S3Request } from './s3-server-request.ts';
import { type AwsPrincipal, checkSignature } from './sigv4.ts';

/** Who signed a request to S3; throws what S3 answers where nobody did. */
export function authenticate(
  { method, canonical, headers }: S3Request,
  principals: readonly AwsPrincipal[],
  { region, now }: { readonly region: string; readonly now: Date },
): AwsPrincipal {
  const payloadHash = headers.get('x-amz-content-sha256');
  if (payloadHash === undefined) {
    throw new S3Refusal(400, 'InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  }
  const mustBeSigned = ['host', ...[...headers.keys()].filter((name) => name.startsWith('x-amz-'))];
  const scope = { region, service: 's3', now, mustBeSigned };
  const checked = checkSignature({ method, ...canonical, headers: Object.fromEntries(headers), payloadHash }, principals, scope);
  if ('principal' in checked) return checked.principal;
  switch (checked.wrong) {
    case 'missing':
      throw new S3Refusal(403, 'AccessDenied', 'Access Denied');
    case 'unknown-key':
      throw new S3Refusal(403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.');
    case 'wrong-token':
      throw new S3Refusal(400, 'InvalidToken', 'The provided token is malformed or otherwise invalid.');
    case 'wrong-region': {
      const message = `The authorization header is malformed; the region '${checked.got}' is wrong; expecting '${region}'`;
      throw new S3Refusal(400, 'AuthorizationHeaderMalformed', message, { fields: [['Region', region]] });
    }
    case 'unsigned-header':
      throw new S3Refusal(403, 'AccessDenied', 'There were headers present in the request which were not signed', {
        fields: [['HeadersNotSigned', checked.got]],
      });
    case 'mismatch':
      throw new S3Refusal(
        403,
        'SignatureDoesNotMatch',
        'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
        { fields: [['CanonicalRequest', checked.canonical]] },
      );
    case 'expired':
      throw new S3Refusal(403, 'RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.', {
        fields: [
          ['RequestTime', checked.got],
          ['ServerTime', now.toISOString()],
        ],
      });
  }
}
