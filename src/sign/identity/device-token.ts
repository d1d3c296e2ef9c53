import { setTimeout as sleep } from 'node:timers/promises';
import { Decoder, interrupted, systemClock, throwIfAborted, usage } from '../../core/index.ts';
import type { IdentityToken } from './identity-token.ts';
import {
  discoverProvider,
  loginRefused,
  loginTimedOut,
  makePkce,
  oauthError,
  type ProviderOptions,
  postForm,
  providerName,
  SCOPE,
  tokenInAnswer,
} from './oidc-provider.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
/** RFC 8628 §3.2 and §3.5. */
const DEFAULT_INTERVAL = 5;
const SLOW_DOWN = 5;
const MAX_LIFETIME = 30 * 60;

/** What the provider says at the beginning of a login elsewhere. */
interface DeviceLogin {
  readonly deviceCode: string;
  readonly userCode: string;
  readonly address: string;
  readonly expiresIn: number;
  readonly interval: number;
}

/**
 * An identity token for a person who logs in on another device (RFC 8628, with PKCE).
 *
 * @throws MlsignError `identity-device-unsupported`, `identity-refused`, `identity-timeout`, `identity-token-wrong`,
 *   `identity-provider-malformed`, `service-unavailable`, `service-response-malformed`, `interrupted`
 */
export async function deviceToken(options: ProviderOptions): Promise<IdentityToken> {
  const { notify, signal, clientId = 'sigstore', clock = systemClock, wait = pause } = options;
  const provider = await discoverProvider(options);
  if (provider.deviceEndpoint === undefined) {
    throw usage('identity-device-unsupported', `${providerName(options)} has no login on another device`, { subject: options.issuerUrl });
  }
  const pkce = makePkce();
  const login = await startLogin(options, provider.deviceEndpoint, clientId, pkce.challenge);
  notify(`to sign, open ${login.address} and enter the code ${login.userCode}\n`);
  const form = { grant_type: GRANT, device_code: login.deviceCode, client_id: clientId, code_verifier: pkce.verifier };
  const deadline = clock().getTime() + login.expiresIn * 1000;
  let { interval } = login;
  for (;;) {
    throwIfAborted(signal);
    if (clock().getTime() + interval * 1000 > deadline) throw loginTimedOut(options);
    await wait(interval * 1000, signal).catch(() => Promise.reject(interrupted()));
    const { status, json } = await postForm(options, provider.tokenEndpoint, form);
    if (status < 300) return tokenInAnswer(options, json, provider.issuer);
    const error = oauthError(json);
    if (error.code === 'expired_token') throw loginTimedOut(options);
    if (error.code === 'slow_down') interval += SLOW_DOWN;
    else if (error.code !== 'authorization_pending') throw loginRefused(options, error);
  }
}

async function startLogin(options: ProviderOptions, endpoint: string, clientId: string, challenge: string): Promise<DeviceLogin> {
  const form = { client_id: clientId, scope: SCOPE, code_challenge: challenge, code_challenge_method: 'S256' };
  const { status, json } = await postForm(options, endpoint, form);
  if (status >= 300) throw loginRefused(options, oauthError(json));
  const decoder = new Decoder();
  const fields = decoder.object(json, '');
  const printable = /^[\x21-\x7e]{1,2048}$/;
  const login: DeviceLogin = {
    deviceCode: fields.string('device_code', printable, 'a code'),
    userCode: fields.string('user_code', /^[\x20-\x7e]{1,64}$/, 'a code'),
    address: fields.string('verification_uri', printable, 'a URL'),
    expiresIn: Math.min(fields.integer('expires_in', 1), MAX_LIFETIME),
    interval: fields.has('interval') ? Math.max(fields.integer('interval', 0, 300), 1) : DEFAULT_INTERVAL,
  };
  decoder.finish('identity-provider-malformed', 'answer of the identity provider', endpoint);
  return login;
}

async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, signal === undefined ? {} : { signal });
}
