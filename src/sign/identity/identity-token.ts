import { decodeUtf8, isJsonObject, type JsonObject, type JsonValue, MlsignError, parseJson, refused } from '../../core/index.ts';

/** The largest identity token that is sent anywhere. */
export const MAX_TOKEN_BYTES = 64 * 1024;

/** An OpenID Connect identity token, with what it says about itself. Nothing of it is verified: that is for Fulcio. */
export interface IdentityToken {
  /** Secret: it goes to Fulcio and nowhere else. */
  readonly token: string;
  readonly issuer: string;
  /** Whom it names: the e-mail address of a person, the subject of a workload. Fulcio wants it signed. */
  readonly identity: string;
  readonly expires: Date;
  /** What binds it to one login, where it was made for one. */
  readonly nonce: string | undefined;
}

const JWT = /^[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]*$/;
const LIMITS = { maxBytes: MAX_TOKEN_BYTES, maxDepth: 16, maxValues: 5000 };

/**
 * Reads what an identity token says.
 *
 * @param where names the token in errors: where it came from, never what it is
 * @throws MlsignError `identity-token-malformed`, `identity-token-expired`, `identity-email-unverified`
 */
export function readIdentityToken(token: string, where: string, now: Date): IdentityToken {
  const claims = claimsOf(token, where);
  const issuer = textClaim(claims, 'iss', where);
  const expires = new Date(numericClaim(claims, 'exp', where) * 1000);
  if (expires <= now) {
    throw refused('identity-token-expired', 'the identity token has expired', {
      subject: where,
      expected: `a token that is valid at ${now.toISOString()}`,
      got: `it expired at ${expires.toISOString()}`,
      suggestions: ['ask for a new token'],
    });
  }
  return {
    token,
    issuer,
    identity: identityOf(claims, where),
    expires,
    nonce: typeof claims.nonce === 'string' ? claims.nonce : undefined,
  };
}

/** What Fulcio takes for the subject: the address where the token has one, the subject otherwise. */
function identityOf(claims: JsonObject, where: string): string {
  const email = claims.email;
  if (email === undefined || email === '') return textClaim(claims, 'sub', where);
  // Some providers write booleans as text.
  if (claims.email_verified !== true && claims.email_verified !== 'true') {
    throw refused('identity-email-unverified', 'the identity provider has not verified the e-mail address of the token', {
      subject: where,
      suggestions: ['verify the address with the provider, or use another identity'],
    });
  }
  return textClaim(claims, 'email', where);
}

function claimsOf(token: string, where: string): JsonObject {
  const payload = token.length > MAX_TOKEN_BYTES ? undefined : JWT.exec(token)?.[1];
  const text = payload === undefined ? undefined : decodeUtf8(Buffer.from(payload, 'base64url'));
  const claims = text === undefined ? undefined : parseClaims(text, where);
  if (isJsonObject(claims)) return claims;
  throw malformed(where, 'it is not a JSON web token');
}

/** The parser's own error would show a part of the token. */
function parseClaims(text: string, where: string): JsonValue | undefined {
  try {
    return parseJson(text, where, LIMITS);
  } catch (error) {
    if (error instanceof MlsignError) return undefined;
    throw error;
  }
}

function textClaim(claims: JsonObject, name: string, where: string): string {
  const value = claims[name];
  if (typeof value === 'string' && value !== '') return value;
  throw malformed(where, `its claim "${name}" is not a text`);
}

function numericClaim(claims: JsonObject, name: string, where: string): number {
  const value = claims[name];
  // Beyond this it is no date.
  if (typeof value === 'number' && value >= 0 && value < 8.64e12) return value;
  throw malformed(where, `its claim "${name}" is not a time`);
}

function malformed(where: string, detail: string): MlsignError {
  return refused('identity-token-malformed', `the identity token cannot be used: ${detail}`, {
    subject: where,
    expected: 'an OpenID Connect identity token',
  });
}
