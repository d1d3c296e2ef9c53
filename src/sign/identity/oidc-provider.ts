import { createHash, randomBytes } from 'node:crypto';
import { Decoder, isJsonObject, type JsonValue, type MlsignError, refused, systemClock, unavailable } from '../../core/index.ts';
import { redact } from '../redact.ts';
import { callJsonService, type ServiceAnswer, type ServiceCall, type ServiceOptions } from '../service.ts';
import { type IdentityToken, readIdentityToken } from './identity-token.ts';

/** Which OpenID Connect provider people are sent to. */
export interface ProviderOptions extends ServiceOptions {
  readonly issuerUrl: string;
  /** `sigstore` unless given: a public client, without a secret. */
  readonly clientId?: string | undefined;
  /** Tells the person at the terminal what to do. */
  readonly notify: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** What a provider says of itself. */
export interface ProviderConfiguration {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly deviceEndpoint: string | undefined;
}

export const SCOPE = 'openid email';
const FORM = 'application/x-www-form-urlencoded;charset=UTF-8';
const TIMEOUT_MS = 30_000;

/**
 * Asks a provider for its endpoints (OpenID Connect Discovery 1.0 §4).
 *
 * @throws MlsignError `identity-provider-malformed`, `identity-refused`, `service-unavailable`, `service-response-malformed`
 */
export async function discoverProvider(options: ProviderOptions): Promise<ProviderConfiguration> {
  const issuer = options.issuerUrl.replace(/\/+$/, '');
  const call: ServiceCall = {
    service: providerName(options),
    url: `${issuer}/.well-known/openid-configuration`,
    method: 'GET',
    headers: { accept: 'application/json' },
    timeoutMs: TIMEOUT_MS,
    refusedCode: 'identity-refused',
    signal: options.signal,
  };
  const { json } = await callJsonService(call, options);
  const decoder = new Decoder();
  const fields = decoder.object(json, '');
  const endpoint = (name: string): string => {
    const text = fields.string(name);
    const url = URL.parse(text);
    // A browser is sent there, and codes are: nothing but the web, and no weaker than the issuer.
    const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && issuer.startsWith('http:'));
    if (text !== '' && !isAllowed) decoder.problem(name, 'a URL as safe as that of the issuer', text);
    return text;
  };
  const configuration: ProviderConfiguration = {
    issuer: fields.string('issuer'),
    authorizationEndpoint: endpoint('authorization_endpoint'),
    tokenEndpoint: endpoint('token_endpoint'),
    deviceEndpoint: fields.has('device_authorization_endpoint') ? endpoint('device_authorization_endpoint') : undefined,
  };
  if (configuration.issuer.replace(/\/+$/, '') !== issuer) decoder.problem('issuer', JSON.stringify(issuer), configuration.issuer);
  decoder.finish('identity-provider-malformed', 'configuration of the identity provider', call.url);
  return configuration;
}

/** A secret of this login, and what the provider is shown of it (RFC 7636, S256). */
export interface Pkce {
  readonly verifier: string;
  readonly challenge: string;
}

export function makePkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** Sends a form to the provider; statuses of OAuth's own errors are for the caller. */
export async function postForm(
  options: ProviderOptions,
  url: string,
  form: Readonly<Record<string, string>>,
): Promise<ServiceAnswer & { readonly json: JsonValue }> {
  const secrets = ['code', 'code_verifier', 'device_code'].flatMap((name) => form[name] ?? []);
  const call: ServiceCall = {
    service: providerName(options),
    url,
    method: 'POST',
    headers: { 'content-type': FORM, accept: 'application/json' },
    body: new URLSearchParams(form).toString(),
    timeoutMs: TIMEOUT_MS,
    secrets,
    expected: [400, 401, 403],
    refusedCode: 'identity-refused',
    signal: options.signal,
  };
  return callJsonService(call, options);
}

/** The error of an OAuth answer (RFC 6749 §5.2): its code and description. */
export function oauthError(json: JsonValue): { readonly code: string; readonly description: string } {
  const text = (name: string): string => {
    const value = isJsonObject(json) ? json[name] : undefined;
    return typeof value === 'string' ? redact(value).slice(0, 300) : '';
  };
  return { code: text('error'), description: text('error_description') };
}

/** The refusal of a login, in the provider's words. */
export function loginRefused(options: ProviderOptions, { code, description }: { code: string; description: string }): MlsignError {
  const told = [code, description].filter((text) => text !== '').join(': ');
  return refused('identity-refused', `${providerName(options)} refuses the login: ${told === '' ? 'without a reason' : told}`, {
    subject: options.issuerUrl,
  });
}

/** The end of a login that nobody finished. */
export function loginTimedOut(options: ProviderOptions): MlsignError {
  return unavailable('identity-timeout', 'nobody finished the login in time', {
    subject: options.issuerUrl,
    suggestions: ['sign again, and log in at once', 'in a job without a person, give it an identity of its own or --identity-token-file'],
  });
}

/**
 * The identity token in an answer of the token endpoint, with the claims that bind it to this login.
 *
 * @throws MlsignError `identity-token-wrong`, `identity-token-malformed`, `identity-token-expired`, `identity-email-unverified`
 */
export function tokenInAnswer(options: ProviderOptions, json: JsonValue, issuer: string, nonce?: string): IdentityToken {
  const value = isJsonObject(json) ? json.id_token : undefined;
  const where = options.issuerUrl;
  const read = readIdentityToken(typeof value === 'string' ? value : '', where, (options.clock ?? systemClock)());
  if (read.issuer !== issuer) throw wrongToken(where, `an issuer ${issuer}`, read.issuer);
  if (nonce !== undefined && read.nonce !== nonce) throw wrongToken(where, 'the nonce of this login', 'another one');
  return read;
}

function wrongToken(where: string, expected: string, got: string): MlsignError {
  return refused('identity-token-wrong', 'the identity token is for another login', { subject: where, expected, got });
}

export function providerName({ issuerUrl }: ProviderOptions): string {
  return `the identity provider ${new URL(issuerUrl).host}`;
}
