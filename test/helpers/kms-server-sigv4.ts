import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { KmsRefusal } from './kms-server-keys.ts';
import { type AwsPrincipal, checkSignature } from './sigv4.ts';

const MUST_BE_SIGNED = ['host', 'x-amz-date', 'x-amz-target'];

/** Who signed a request to KMS; throws what KMS answers where nobody did. */
export function authenticate(
  { method = '', url = '', headers }: IncomingMessage,
  body: Buffer,
  principals: readonly AwsPrincipal[],
  { region, now }: { readonly region: string; readonly now: Date },
): AwsPrincipal {
  const payloadHash = createHash('sha256').update(body).digest('hex');
  const scope = { region, service: 'kms', now, mustBeSigned: MUST_BE_SIGNED };
  const checked = checkSignature({ method, path: url, query: '', headers, payloadHash }, principals, scope);
  if ('principal' in checked) return checked.principal;
  switch (checked.wrong) {
    case 'missing':
      throw new KmsRefusal('MissingAuthenticationTokenException', 'Missing Authentication Token');
    case 'unknown-key':
    case 'wrong-token':
      throw new KmsRefusal('UnrecognizedClientException', 'The security token included in the request is invalid.');
    case 'wrong-region':
    case 'unsigned-header':
      throw mismatch('Credential should be scoped to a valid region.');
    case 'mismatch':
      throw mismatch(`The request signature we calculated does not match. The Canonical String should have been '${checked.canonical}'`);
    case 'expired':
      throw mismatch(`Signature expired: ${checked.got} is now earlier than ${now.toISOString()}`);
  }
}

function mismatch(message: string): KmsRefusal {
  return new KmsRefusal('InvalidSignatureException', message);
}
