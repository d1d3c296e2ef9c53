import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { type LoopbackServer, listen, sendJson } from './http-server.ts';

/** Who a token is for: a person, or a workflow of GitHub Actions. */
export const IDENTITY_KINDS = ['email', 'github'] as const;
export type IdentityKind = (typeof IDENTITY_KINDS)[number];

/** An OpenID Connect issuer: one address for each kind of identity, one key. */
export interface OidcIssuer extends LoopbackServer {
  /** What `iss` says in the tokens of a kind. */
  issuer(kind: IdentityKind): string;
  mintToken(kind: IdentityKind, claims?: Readonly<Record<string, unknown>>): string;
}

/** Starts an issuer that Fulcio can discover, and that mints a token for whoever asks at `/mint?type=email`. */
export async function startOidcIssuer(): Promise<OidcIssuer> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kid = randomUUID();
  const server = await listen((request, response) => {
    const url = new URL(request.url ?? '', server.url);
    const [, kind, document] = /^\/(email|github)\/\.well-known\/(openid-configuration|jwks)$/.exec(url.pathname) ?? [];
    if (document === 'jwks') sendJson(response, { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }] });
    else if (document === 'openid-configuration') sendJson(response, discovery(`${server.url}/${kind}`));
    else if (url.pathname === '/mint') {
      const { type, ...claims } = Object.fromEntries(url.searchParams);
      // The form of the answer of ACTIONS_ID_TOKEN_REQUEST_URL.
      sendJson(response, { value: mintToken(type === 'email' ? 'email' : 'github', renamed(claims)) });
    } else response.writeHead(404).end();
  });
  const issuer = (kind: IdentityKind): string => `${server.url}/${kind}`;
  const mintToken = (kind: IdentityKind, claims: Readonly<Record<string, unknown>> = {}): string => {
    const now = Math.floor(Date.now() / 1000);
    const standard = { iss: issuer(kind), aud: 'sigstore', iat: now, nbf: now - 5, exp: now + 600, jti: randomUUID() };
    const content = [
      { alg: 'RS256', typ: 'JWT', kid },
      { ...standard, ...CLAIMS[kind], ...claims },
    ]
      .map(encode)
      .join('.');
    return `${content}.${sign('sha256', Buffer.from(content), privateKey).toString('base64url')}`;
  };
  return { ...server, issuer, mintToken };
}

function renamed({ audience, ...claims }: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return audience === undefined ? claims : { ...claims, aud: audience };
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function discovery(issuer: string): object {
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks`,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  };
}

const COMMIT = 'a'.repeat(40);
const WORKFLOW = 'acme/models/.github/workflows/release.yml@refs/heads/main';

const CLAIMS: Readonly<Record<IdentityKind, Readonly<Record<string, unknown>>>> = {
  email: { sub: 'user-1', email: 'alice@example.com', email_verified: true },
  // https://docs.github.com/en/actions/reference/security/oidc
  github: {
    sub: 'repo:acme/models:ref:refs/heads/main',
    ref: 'refs/heads/main',
    ref_type: 'branch',
    sha: COMMIT,
    repository: 'acme/models',
    repository_id: '123',
    repository_owner: 'acme',
    repository_owner_id: '456',
    repository_visibility: 'public',
    run_id: '789',
    run_attempt: '1',
    actor: 'alice',
    event_name: 'push',
    runner_environment: 'github-hosted',
    workflow: 'release',
    workflow_ref: WORKFLOW,
    workflow_sha: COMMIT,
    job_workflow_ref: WORKFLOW,
    job_workflow_sha: COMMIT,
  },
};
