import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { interrupted, type MlsignError, refused } from '../../core/index.ts';
import { redact } from '../redact.ts';
import type { IdentityToken } from './identity-token.ts';
import {
  discoverProvider,
  loginRefused,
  loginTimedOut,
  makePkce,
  oauthError,
  type ProviderOptions,
  postForm,
  SCOPE,
  tokenInAnswer,
} from './oidc-provider.ts';

/** How a person is brought to the provider. */
export interface BrowserTokenOptions extends ProviderOptions {
  /** Opens a page; false where there is no browser. */
  readonly openBrowser: (url: string) => Promise<boolean>;
  /** How long the login may take; five minutes unless given. */
  readonly loginTimeoutMs?: number | undefined;
}

const CALLBACK = '/auth/callback';
const LOGIN_TIMEOUT_MS = 5 * 60_000;

/**
 * An identity token for a person who logs in with a browser: authorization code with PKCE (RFC 7636), handed over on a
 * port of 127.0.0.1 (RFC 8252 §7.3).
 *
 * @throws MlsignError `identity-refused`, `identity-timeout`, `identity-state-wrong`, `identity-token-wrong`,
 *   `identity-provider-malformed`, `service-unavailable`, `service-response-malformed`, `interrupted`
 */
export async function browserToken(options: BrowserTokenOptions): Promise<IdentityToken> {
  const { clientId = 'sigstore', notify, openBrowser } = options;
  const provider = await discoverProvider(options);
  const pkce = makePkce();
  const state = randomBytes(16).toString('base64url');
  const nonce = randomBytes(16).toString('base64url');
  const listener = await Listener.start();
  try {
    const redirect = `http://localhost:${listener.port}${CALLBACK}`;
    const page = new URL(provider.authorizationEndpoint);
    const query = {
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirect,
      scope: SCOPE,
      state,
      nonce,
      code_challenge: pkce.challenge,
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(query)) page.searchParams.set(name, value);
    const answer = listener.answer(state, options);
    // It may come, or fail, while the browser is still opening.
    answer.catch(() => undefined);
    const isOpen = await openBrowser(page.href);
    notify(
      isOpen ? `waiting for the login in the browser; if no page appears, open\n${page.href}\n` : `to sign, log in at\n${page.href}\n`,
    );
    const code = await answer;
    const form = { grant_type: 'authorization_code', client_id: clientId, code, redirect_uri: redirect, code_verifier: pkce.verifier };
    const { status, json } = await postForm(options, provider.tokenEndpoint, form);
    if (status >= 300) throw loginRefused(options, oauthError(json));
    return tokenInAnswer(options, json, provider.issuer, nonce);
  } finally {
    listener.stop();
  }
}

/** Waits on loopback for the browser to come back. */
class Listener {
  readonly #server: Server;
  readonly port: number;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(): Promise<Listener> {
    const { createServer } = await import('node:http');
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return new Listener(server, typeof address === 'object' && address !== null ? address.port : 0);
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** The code that the browser brings. */
  answer(state: string, options: BrowserTokenOptions): Promise<string> {
    const { signal, loginTimeoutMs = LOGIN_TIMEOUT_MS } = options;
    return new Promise((resolve, reject) => {
      const settle = (result: string | MlsignError): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        if (typeof result === 'string') resolve(result);
        else reject(result);
      };
      const abort = (): void => settle(interrupted());
      const timer = setTimeout(() => settle(loginTimedOut(options)), loginTimeoutMs).unref();
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted) abort();
      this.#server.on('request', (request, response) => {
        const url = URL.parse(request.url ?? '', 'http://localhost');
        if (request.method !== 'GET' || url?.pathname !== CALLBACK) return reply(response, 404, 'There is nothing here.');
        const result = readCallback(url.searchParams, state, options);
        const text =
          typeof result === 'string' ? 'You are logged in. This page can be closed.' : 'The login failed. The terminal says why.';
        response.once('close', () => settle(result));
        reply(response, typeof result === 'string' ? 200 : 400, text);
      });
    });
  }
}

/** RFC 6749 §4.1.2. */
function readCallback(query: URLSearchParams, state: string, options: BrowserTokenOptions): string | MlsignError {
  if (query.getAll('state').length !== 1 || query.get('state') !== state) {
    return refused('identity-state-wrong', 'an answer came that belongs to another login', {
      subject: options.issuerUrl,
      suggestions: ['sign again; if it stays so, something else sends answers to this machine'],
    });
  }
  const error = query.get('error');
  if (error !== null) {
    const description = query.get('error_description') ?? '';
    return loginRefused(options, { code: redact(error).slice(0, 100), description: redact(description).slice(0, 300) });
  }
  const codes = query.getAll('code');
  const [code = ''] = codes;
  return codes.length === 1 && code !== '' ? code : loginRefused(options, { code: 'no code', description: '' });
}

function reply(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-security-policy': "default-src 'none'",
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(`${text}\n`);
}
