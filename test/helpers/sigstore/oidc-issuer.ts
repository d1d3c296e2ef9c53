import { createHash, generateKeyPairSync, randomUUID, sign, verify } from 'node:crypto';
import { type Call, expectKeys, expectRequest, json, Refusal, type Reply, StrictServer } from './strict-server.ts';

export type TokenKind = 'email' | 'github';

export type Claims = Readonly<Record<string, unknown>>;

/** What the tokens of each kind say, unless told otherwise. */
export const TOKEN_CLAIMS: Readonly<Record<TokenKind, Claims>> = {
  email: { sub: 'CgUxMjM0NRImaHR0cHM', email: 'alice@example.com', email_verified: true },
  github: {
    sub: 'repo:acme/models:ref:refs/heads/main',
    actor: 'alice',
    event_name: 'push',
    job_workflow_ref: 'acme/models/.github/workflows/release.yml@refs/heads/main',
    job_workflow_sha: 'a'.repeat(40),
    ref: 'refs/heads/main',
    ref_type: 'branch',
    repository: 'acme/models',
    repository_id: '123',
    repository_owner: 'acme',
    repository_owner_id: '456',
    repository_visibility: 'public',
    run_attempt: '1',
    run_id: '789',
    runner_environment: 'github-hosted',
    sha: 'a'.repeat(40),
    workflow: 'release',
    workflow_ref: 'acme/models/.github/workflows/release.yml@refs/heads/main',
    workflow_sha: 'a'.repeat(40),
  },
};

const CLIENT = 'sigstore';

/** The secrets with which CI systems let a job ask for tokens. */
export const ACTIONS_BEARER = 'actions-request-token';

/** An OpenID Connect issuer for people (`/email`) and for GitHub Actions (`/github`), and Google's metadata server. */
export class OidcIssuer {
  readonly #key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #codes = new Map<string, { challenge: string; redirect: string; nonce: string }>();
  readonly #devices = new Map<string, string>();
  readonly server: StrictServer;
  /** What the token endpoint says to a device before it gives the token, one a poll: `authorization_pending`, `slow_down`. */
  devicePolls: string[] = [];
  /** Claims of the tokens that people get in the browser or on a device. */
  personClaims: Claims = {};
  /** Every token that was given out: none may ever be seen again. */
  readonly tokens: string[] = [];

  private constructor(server: StrictServer) {
    this.server = server;
    for (const kind of ['email', 'github'] as const) {
      server.on(`GET /${kind}/.well-known/openid-configuration`, (call) => this.#configuration(call, kind));
      server.on(`GET /${kind}/keys`, (call) => this.#keys(call));
    }
    server.on('GET /email/auth', (call) => this.#authorize(call));
    server.on('POST /email/token', (call) => this.#token(call));
    server.on('POST /email/device/code', (call) => this.#device(call));
    server.on('GET /github/actions-token', (call) => this.#actionsToken(call));
    server.on('GET /computeMetadata/v1/instance/service-accounts/default/identity', (call) => this.#metadata(call));
  }

  static async start(): Promise<OidcIssuer> {
    return new OidcIssuer(await StrictServer.start('OIDC issuer'));
  }

  /** Where tokens of a kind come from. */
  issuerOf(kind: TokenKind): string {
    return `${this.server.url}/${kind}`;
  }

  /** A token as the issuer gives them; further claims replace those that it has, undefined ones leave them out. */
  mint(kind: TokenKind, claims: Claims = {}): string {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: this.issuerOf(kind), aud: CLIENT, iat: now, nbf: now - 5, exp: now + 600, jti: randomUUID() };
    return this.#sign({ ...all, ...TOKEN_CLAIMS[kind], ...claims });
  }

  /** The claims of a token of this issuer; undefined for any other. */
  verify(token: string): Claims | undefined {
    const [header = '', payload = '', signature = ''] = token.split('.');
    const key = { key: this.#key.publicKey, dsaEncoding: 'ieee-p1363' } as const;
    if (!verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))) return undefined;
    return JSON.parse(Buffer.from(payload, 'base64url').toString());
  }

  #sign(claims: Claims): string {
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${encode({ alg: 'ES256', typ: 'JWT', kid: 'test' })}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(signed), { key: this.#key.privateKey, dsaEncoding: 'ieee-p1363' });
    const token = `${signed}.${signature.toString('base64url')}`;
    this.tokens.push(token);
    return token;
  }

  #configuration(call: Call, kind: TokenKind): Reply {
    expectRequest(call, {});
    const base = this.issuerOf(kind);
    return json(200, {
      issuer: base,
      authorization_endpoint: `${base}/auth`,
      token_endpoint: `${base}/token`,
      device_authorization_endpoint: `${base}/device/code`,
      jwks_uri: `${base}/keys`,
      id_token_signing_alg_values_supported: ['ES256'],
      code_challenge_methods_supported: ['S256', 'plain'],
      response_types_supported: ['code'],
    });
  }

  /** For the real Fulcio, of the integration suite. */
  #keys(call: Call): Reply {
    expectRequest(call, { 'cache-control': 'no-cache' });
    return json(200, { keys: [{ ...this.#key.publicKey.export({ format: 'jwk' }), kid: 'test', alg: 'ES256', use: 'sig' }] });
  }

  /** RFC 6749 §4.1.1 and RFC 7636: the person says yes at once. */
  #authorize(call: Call): Reply {
    const names = ['response_type', 'client_id', 'redirect_uri', 'scope', 'state', 'nonce', 'code_challenge', 'code_challenge_method'];
    const query = expectKeys(Object.fromEntries(call.url.searchParams), names, 'query');
    const redirect = String(query.redirect_uri);
    if (!/^http:\/\/(127\.0\.0\.1|localhost):\d+\/auth\/callback$/.test(redirect)) throw new Error(`redirect_uri is ${redirect}`);
    this.#expect(query, { response_type: 'code', client_id: CLIENT, scope: 'openid email', code_challenge_method: 'S256' });
    const code = randomUUID();
    this.#codes.set(code, { challenge: String(query.code_challenge), redirect, nonce: String(query.nonce) });
    const location = `${redirect}?${new URLSearchParams({ code, state: String(query.state) })}`;
    return { status: 303, headers: { location } };
  }

  /** RFC 8628 §3.1. */
  #device(call: Call): Reply {
    expectRequest(call, { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' });
    const form = expectKeys(formOf(call), ['client_id', 'scope', 'code_challenge', 'code_challenge_method'], 'form');
    this.#expect(form, { client_id: CLIENT, scope: 'openid email', code_challenge_method: 'S256' });
    const code = randomUUID();
    this.#devices.set(code, String(form.code_challenge));
    return json(200, {
      device_code: code,
      user_code: 'WDJB-MJHT',
      verification_uri: `${this.issuerOf('email')}/device`,
      verification_uri_complete: `${this.issuerOf('email')}/device?user_code=WDJB-MJHT`,
      expires_in: 300,
      interval: 5,
    });
  }

  #token(call: Call): Reply {
    expectRequest(call, { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' });
    const form = formOf(call);
    if (form.grant_type !== 'authorization_code') return this.#deviceToken(form);
    expectKeys(form, ['grant_type', 'client_id', 'code', 'redirect_uri', 'code_verifier'], 'form');
    this.#expect(form, { client_id: CLIENT });
    const known = this.#codes.get(String(form.code));
    this.#codes.delete(String(form.code));
    if (known === undefined || known.redirect !== form.redirect_uri) return json(400, { error: 'invalid_grant' });
    this.#expectVerifier(form, known.challenge);
    return this.#grant({ nonce: known.nonce });
  }

  /** RFC 8628 §3.4. */
  #deviceToken(form: Readonly<Record<string, unknown>>): Reply {
    expectKeys(form, ['grant_type', 'client_id', 'device_code', 'code_verifier'], 'form');
    this.#expect(form, { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: CLIENT });
    const challenge = this.#devices.get(String(form.device_code));
    if (challenge === undefined) return json(400, { error: 'invalid_grant' });
    this.#expectVerifier(form, challenge);
    const error = this.devicePolls.shift();
    return error === undefined ? this.#grant({}) : json(400, { error });
  }

  #grant(claims: Claims): Reply {
    const token = this.mint('email', { ...claims, ...this.personClaims });
    return json(200, { access_token: token, token_type: 'bearer', expires_in: 600, id_token: token });
  }

  #actionsToken(call: Call): Reply {
    if (call.headers.authorization !== `bearer ${ACTIONS_BEARER}`) throw new Refusal(json(401, { message: 'bad credentials' }));
    expectRequest(call, { authorization: `bearer ${ACTIONS_BEARER}`, accept: 'application/json' }, ['api-version', 'audience']);
    return json(200, { count: 1, value: this.mint('github', { aud: call.url.searchParams.get('audience') }) });
  }

  #metadata(call: Call): Reply {
    expectRequest(call, { 'metadata-flavor': 'Google' }, ['audience', 'format']);
    this.#expect(Object.fromEntries(call.url.searchParams), { format: 'full' });
    return { status: 200, headers: { 'metadata-flavor': 'Google', 'content-type': 'text/html' }, body: this.mint('email') };
  }

  #expect(got: Readonly<Record<string, unknown>>, wanted: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(wanted)) {
      if (got[name] !== value) throw new Error(`${name} is ${String(got[name])}, not ${value}`);
    }
  }

  /** RFC 7636 §4.6. */
  #expectVerifier(form: Readonly<Record<string, unknown>>, challenge: string): void {
    const verifier = String(form.code_verifier);
    if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) throw new Error('code_verifier is not one');
    if (createHash('sha256').update(verifier).digest('base64url') !== challenge) throw new Error('code_verifier is another');
  }
}

function formOf(call: Call): Record<string, unknown> {
  return Object.fromEntries(new URLSearchParams(call.body.toString()));
}
