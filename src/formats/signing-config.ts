import { Decoder, type Fields, type JsonValue, parseJson } from '../core/index.ts';
import { decodeTrustedRoot, TRUST_CONFIG_LIMITS, type TrustedRoot } from './trusted-root.ts';
import { decodeValidity, type ValidityPeriod } from './validity-period.ts';

const SIGNING_CONFIG = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
const CLIENT_TRUST_CONFIG = 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json';

const MAX_SERVICES = 256;

/** One service of a Sigstore instance. */
export interface Service {
  readonly url: string;
  readonly majorApiVersion: number;
  readonly validFor: ValidityPeriod;
  /** Whose it is; empty where the configuration does not say. */
  readonly operator: string;
}

/** How many services of a kind sign: each operator's, any one, or exactly so many. */
export type ServiceSelector = { readonly kind: 'all' } | { readonly kind: 'any' } | { readonly kind: 'exact'; readonly count: number };

/** Which services a Sigstore signer uses. */
export interface SigningConfig {
  /** Fulcio: base URLs. */
  readonly caUrls: readonly Service[];
  /** OpenID Connect issuers: base URLs. */
  readonly oidcUrls: readonly Service[];
  /** Rekor: base URLs. */
  readonly rekorTlogUrls: readonly Service[];
  readonly rekorTlogConfig: ServiceSelector | undefined;
  /** Timestamp authorities: full URLs. */
  readonly tsaUrls: readonly Service[];
  readonly tsaConfig: ServiceSelector | undefined;
}

/** A private instance: whom to trust, and which services to use. */
export interface ClientTrustConfig {
  readonly trustedRoot: TrustedRoot;
  readonly signingConfig: SigningConfig;
}

/**
 * Reads a Sigstore signing configuration, v0.2, in JSON.
 *
 * @param where names the document in errors
 * @throws MlsignError `signing-config-malformed` with every bad field, and what `parseJson` throws
 */
export function parseSigningConfig(bytes: Uint8Array | string, where: string): SigningConfig {
  const decoder = new Decoder();
  const config = decodeSigningConfig(decoder, parseJson(bytes, where, TRUST_CONFIG_LIMITS), '');
  decoder.finish('signing-config-malformed', 'signing configuration', where);
  return config;
}

/**
 * Reads a Sigstore client trust configuration, v0.1, in JSON: a trusted root and a signing configuration.
 *
 * @param where names the document in errors
 * @throws MlsignError `trust-config-malformed` with every bad field, and what `parseJson` throws
 */
export function parseClientTrustConfig(bytes: Uint8Array | string, where: string): ClientTrustConfig {
  const decoder = new Decoder();
  const top = decoder.object(parseJson(bytes, where, TRUST_CONFIG_LIMITS), '');
  top.oneOf('mediaType', [CLIENT_TRUST_CONFIG]);
  const config: ClientTrustConfig = {
    trustedRoot: decodeTrustedRoot(decoder, top.raw('trustedRoot'), top.at('trustedRoot')),
    signingConfig: decodeSigningConfig(decoder, top.raw('signingConfig'), top.at('signingConfig')),
  };
  top.done();
  decoder.finish('trust-config-malformed', 'trust configuration', where);
  return config;
}

function decodeSigningConfig(decoder: Decoder, value: JsonValue | undefined, path: string): SigningConfig {
  const top = decoder.object(value, path);
  top.oneOf('mediaType', [SIGNING_CONFIG]);
  const services = (name: string): readonly Service[] =>
    (top.has(name) ? top.array(name, 0, MAX_SERVICES) : []).map((entry, i) =>
      decodeService(decoder, decoder.object(entry, `${top.at(name)}[${i}]`)),
    );
  const config: SigningConfig = {
    caUrls: services('caUrls'),
    oidcUrls: services('oidcUrls'),
    rekorTlogUrls: services('rekorTlogUrls'),
    rekorTlogConfig: decodeSelector(decoder, top, 'rekorTlogConfig'),
    tsaUrls: services('tsaUrls'),
    tsaConfig: decodeSelector(decoder, top, 'tsaConfig'),
  };
  top.done();
  return config;
}

function decodeService(decoder: Decoder, fields: Fields): Service {
  const url = fields.string('url');
  if (url !== '' && !isServiceUrl(url)) decoder.problem(fields.at('url'), 'an http or https URL without credentials', url);
  const operator = fields.raw('operator');
  const service: Service = {
    url,
    majorApiVersion: fields.has('majorApiVersion') ? fields.integer('majorApiVersion', 0, 1000) : 0,
    validFor: decodeValidity(decoder, fields),
    operator: operator === undefined || operator === '' ? '' : decoder.string(operator, fields.at('operator')),
  };
  fields.done();
  return service;
}

function isServiceUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

function decodeSelector(decoder: Decoder, top: Fields, name: string): ServiceSelector | undefined {
  if (!top.has(name)) return undefined;
  const fields = top.object(name);
  const selector = fields.oneOf('selector', ['ALL', 'ANY', 'EXACT']);
  const count = fields.has('count') ? fields.integer('count', selector === 'EXACT' ? 1 : 0, MAX_SERVICES) : 0;
  if (selector === 'EXACT' && fields.present && !fields.has('count')) decoder.problem(fields.at('count'), 'a number', undefined);
  fields.done();
  switch (selector) {
    case 'ALL':
      return { kind: 'all' };
    case 'ANY':
      return { kind: 'any' };
    case 'EXACT':
      return { kind: 'exact', count };
  }
}
