import { type Decoder, type Fields, type JsonValue, nearest } from '../core/index.ts';
import { isSchemeName, SCHEME_NAMES, type SchemeName } from '../formats/index.ts';
import { CLAIM_NAMES } from './claims.ts';
import { MAX_ENTRIES, refuseOthers, strings, suggestion } from './decode-fields.ts';
import type { PemReference, TrustEntry } from './document.ts';
import { type IdentitySource, ISSUER, patternProblem } from './identity.ts';

const KINDS = {
  key: ['key', 'scheme', 'not-after'],
  kms: ['kms', 'scheme', 'not-after'],
  ca: ['ca', 'subject', 'alternative-name', 'scheme'],
  identity: ['identity', 'issuer', 'claims'],
  'identity-pattern': ['identity-pattern', 'issuer', 'claims'],
} as const satisfies Record<string, readonly string[]>;

// Whoever can move an alias chooses the key.
const KEY_ARN = /^arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/;
const DAY = /^\d{4}-\d\d-\d\d$/;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\dZ$/;

/** Reads how a principal is known; what is wrong is noted in the decoder. */
export function decodePrincipal(decoder: Decoder, value: JsonValue | undefined, path: string): readonly TrustEntry[] {
  if (!Array.isArray(value)) return decodeTrust(decoder, value, path);
  return decoder.array(value, path, 1, MAX_ENTRIES).flatMap((entry, index) => decodeTrust(decoder, entry, `${path}[${index}]`));
}

function decodeTrust(decoder: Decoder, value: JsonValue | undefined, path: string): readonly TrustEntry[] {
  const fields = decoder.object(value, path);
  if (!fields.present) return [];
  const names = Object.keys(KINDS).filter(isKind);
  const kinds = names.filter((kind) => fields.has(kind));
  const [kind] = kinds;
  if (kind === undefined || kinds.length > 1) {
    const near = kind === undefined ? fields.keys().flatMap((key) => nearest(key, names) ?? []) : [];
    const all = names.map((name) => `"${name}"`).join(', ');
    decoder.problem(path, `exactly one of ${all}${suggestion(near[0])}`, fields.keys().join(', ') || 'none of them');
    return [];
  }
  refuseOthers(decoder, fields, KINDS[kind]);
  const at = fields.at(kind);
  switch (kind) {
    case 'key':
      return [{ kind, path: at, sources: references(decoder, fields.raw(kind), at), ...decodeKeyLimits(decoder, fields) }];
    case 'kms':
      return [
        { kind, path: at, arn: fields.string(kind, KEY_ARN, 'the ARN of a key, and not of an alias'), ...decodeKeyLimits(decoder, fields) },
      ];
    case 'ca':
      return [
        {
          kind,
          path: at,
          sources: references(decoder, fields.raw(kind), at),
          scheme: decodeScheme(decoder, fields),
          subject: optional(fields, 'subject'),
          alternativeName: optional(fields, 'alternative-name'),
        },
      ];
    case 'identity':
    case 'identity-pattern':
      return [{ kind: 'identity', path: at, source: decodeIdentity(decoder, fields, kind) }];
  }
}

function isKind(name: string): name is keyof typeof KINDS {
  return Object.hasOwn(KINDS, name);
}

function decodeIdentity(decoder: Decoder, fields: Fields, kind: 'identity' | 'identity-pattern'): IdentitySource {
  const text = fields.string(kind);
  const reason = kind === 'identity-pattern' && text !== '' ? patternProblem(text) : undefined;
  if (reason !== undefined) decoder.problem(fields.at(kind), 'a regular expression for the whole identity', text);
  const issuer = fields.string('issuer', ISSUER, 'the URL of the issuer, such as https://token.actions.githubusercontent.com');
  return {
    ...(kind === 'identity' ? { identity: text } : { pattern: text }),
    issuer,
    claims: decodeClaims(decoder, fields),
    where: fields.at(kind),
  };
}

function decodeClaims(decoder: Decoder, fields: Fields): Readonly<Record<string, string>> | undefined {
  if (!fields.has('claims')) return undefined;
  const claims = fields.object('claims');
  if (claims.present && claims.keys().length === 0) decoder.problem(claims.path, 'at least one claim', {});
  refuseOthers(decoder, claims, CLAIM_NAMES);
  return Object.fromEntries(CLAIM_NAMES.flatMap((name) => (claims.has(name) ? [[name, claims.string(name)]] : [])));
}

function decodeKeyLimits(decoder: Decoder, fields: Fields) {
  return { scheme: decodeScheme(decoder, fields), notAfter: fields.has('not-after') ? decodeEnd(decoder, fields, 'not-after') : undefined };
}

/** A moment, or a day that belongs to the period whole. */
function decodeEnd(decoder: Decoder, fields: Fields, name: string): Date | undefined {
  const value = fields.raw(name);
  const text = typeof value === 'string' ? value : '';
  const iso = DAY.test(text) ? `${text}T23:59:59.999Z` : MOMENT.test(text) ? text.replace('Z', '.000Z') : '';
  const end = new Date(iso);
  if (!Number.isNaN(end.getTime()) && end.toISOString() === iso) return end;
  decoder.problem(fields.at(name), 'a day such as 2026-12-31, or a time such as 2026-12-31T12:00:00Z', value);
  return undefined;
}

function decodeScheme(decoder: Decoder, fields: Fields): SchemeName | undefined {
  if (!fields.has('scheme')) return undefined;
  const name = fields.raw('scheme');
  if (typeof name === 'string' && isSchemeName(name)) return name;
  decoder.problem(fields.at('scheme'), `one of ${SCHEME_NAMES.join(', ')}`, name);
  return undefined;
}

function references(decoder: Decoder, value: JsonValue | undefined, path: string): readonly PemReference[] {
  if (!Array.isArray(value)) return [{ text: decoder.string(value, path, undefined, 'a path, PEM text, or a list of them'), path }];
  const texts = strings(decoder, decoder.array(value, path, 1, MAX_ENTRIES), path, /./s, 'a path or PEM text');
  return texts.map((text, index) => ({ text, path: `${path}[${index}]` }));
}

function optional(fields: Fields, name: string): string | undefined {
  return fields.has(name) ? fields.string(name) : undefined;
}
