import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type BrowserTokenOptions, browserToken, deviceToken } from '../../src/sign/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import { assertWithout, OidcIssuer, quickServices, type Reply } from '../helpers/sigstore/index.ts';

let issuer: OidcIssuer;
let notes: string[];

function options() {
  return { ...quickServices(), issuerUrl: issuer.issuerOf('email'), notify: (text: string) => void notes.push(text) };
}

/** A browser whose person says yes. */
async function agreeing(url: string): Promise<boolean> {
  return (await fetch(url)).ok;
}

function login(openBrowser: BrowserTokenOptions['openBrowser'] = agreeing, more: Partial<BrowserTokenOptions> = {}) {
  return browserToken({ ...options(), openBrowser, ...more });
}

/** Goes to the redirect address of a login with these parameters, and the login's state unless they have one. */
function returning(query: Readonly<Record<string, string>>, path = ''): BrowserTokenOptions['openBrowser'] {
  return async (page) => {
    const { searchParams } = new URL(page);
    const target = new URL(path, searchParams.get('redirect_uri') ?? '');
    const all = { state: searchParams.get('state') ?? '', ...query };
    await fetch(path === '' ? `${searchParams.get('redirect_uri')}?${new URLSearchParams(all)}` : target);
    return true;
  };
}

describe('logins of people', () => {
  before(async () => {
    issuer = await OidcIssuer.start();
  });
  after(() => issuer.server.close());
  beforeEach(async () => {
    notes = [];
    issuer.personClaims = {};
    issuer.devicePolls = [];
    await issuer.server.heal();
  });

  const configured = async (change: object): Promise<void> => {
    const route = 'GET /email/.well-known/openid-configuration';
    const edit = (reply: Reply): Reply => ({ ...reply, body: JSON.stringify({ ...JSON.parse(String(reply.body)), ...change }) });
    await issuer.server.fail({ fault: { kind: 'change', change: edit }, route });
  };

  const answered = async (route: string, status: number, body: object): Promise<void> => {
    const reply = { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    await issuer.server.fail({ fault: { kind: 'reply', reply }, route });
  };

  describe('browserToken', () => {
    it('gives the token of the person who logs in', async () => {
      const token = await login();
      assert.equal(token.identity, 'alice@example.com');
      assert.equal(token.issuer, issuer.issuerOf('email'));
      assert.match(notes.join(''), /^waiting for the login in the browser; if no page appears, open\nhttp:\/\/127\.0\.0\.1:/);
      assertWithout(issuer.tokens, notes);
    });

    it('takes an issuer whose URL ends with a slash', async () => {
      assert.equal((await login(agreeing, { issuerUrl: `${issuer.issuerOf('email')}/` })).identity, 'alice@example.com');
    });

    it('shows the address where no browser can be opened', async () => {
      const waiting = login(async () => false);
      while (notes.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      const [, page = ''] = /^to sign, log in at\n(\S+)\n$/.exec(notes.join('')) ?? [];
      await agreeing(page);
      assert.equal((await waiting).identity, 'alice@example.com');
    });

    it('listens on 127.0.0.1 alone, for one address, while it waits', async () => {
      const outside = Object.values(networkInterfaces())
        .flatMap((addresses) => addresses ?? [])
        .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
      let port = 0;
      await login(async (page) => {
        port = Number(new URL(new URL(page).searchParams.get('redirect_uri') ?? '').port);
        assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
        assert.equal((await fetch(`http://127.0.0.1:${port}/auth/callback`, { method: 'POST' })).status, 404);
        assert.match(await rawRequest(port, 'GET // HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n'), /^HTTP\/1\.1 404 /);
        if (outside !== undefined) await assert.rejects(fetch(`http://${outside}:${port}/`));
        return agreeing(page);
      });
      await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
    });

    it('refuses an answer with another state, or with two', async () => {
      const expected = mlsignError('identity-state-wrong', 'an answer came that belongs to another login', { outcome: 'refused' });
      await assert.rejects(login(returning({ code: 'x', state: 'other' })), expected);
      await assert.rejects(login(returning({ code: 'x', state: '' })), expected);
      await assert.rejects(
        login(async (page) => {
          const { searchParams } = new URL(page);
          const state = searchParams.get('state') ?? '';
          await fetch(`${searchParams.get('redirect_uri')}?${new URLSearchParams({ code: 'x', state })}&state=other`);
          return true;
        }),
        expected,
      );
    });

    it('gives the reason of a person or provider that refuses', async () => {
      const denied = login(returning({ error: 'access_denied', error_description: 'the person said no' }));
      await assert.rejects(
        denied,
        mlsignError('identity-refused', /refuses the login: access_denied: the person said no$/, { outcome: 'refused' }),
      );
      await assert.rejects(login(returning({})), mlsignError('identity-refused', /refuses the login: no code$/));
      await assert.rejects(login(returning({ code: 'unknown' })), mlsignError('identity-refused', /refuses the login: invalid_grant$/));
      await answered('POST /email/token', 401, {});
      await assert.rejects(login(), mlsignError('identity-refused', /refuses the login: without a reason$/));
    });

    it('refuses a token of another login or issuer', async () => {
      issuer.personClaims = { nonce: 'other' };
      const expected = (got: string) =>
        mlsignError('identity-token-wrong', 'the identity token is for another login', { outcome: 'refused', got });
      await assert.rejects(login(), expected('another one'));
      issuer.personClaims = { nonce: undefined };
      await assert.rejects(login(), expected('another one'));
      issuer.personClaims = { iss: 'https://elsewhere.example' };
      await assert.rejects(login(), expected('https://elsewhere.example'));
    });

    it('refuses an answer without an identity token, and an address that nobody verified', async () => {
      issuer.personClaims = { email_verified: false };
      await assert.rejects(login(), mlsignError('identity-email-unverified', /has not verified/));
      await answered('POST /email/token', 200, { access_token: issuer.mint('email') });
      await assert.rejects(login(), mlsignError('identity-token-malformed', /cannot be used/));
    });

    it('gives up where nobody logs in, and stops where it is interrupted', async () => {
      const nobody = async (): Promise<boolean> => true;
      await assert.rejects(
        login(nobody, { loginTimeoutMs: 20 }),
        mlsignError('identity-timeout', 'nobody finished the login in time', { outcome: 'unavailable' }),
      );
      const controller = new AbortController();
      const waiting = login(
        async () => {
          controller.abort();
          return true;
        },
        { signal: controller.signal },
      );
      await assert.rejects(waiting, mlsignError('interrupted', 'interrupted'));
    });

    it('sends the browser and codes nowhere but to the web, and not to something weaker than the issuer', async () => {
      const malformed = (message: RegExp) => mlsignError('identity-provider-malformed', message, { outcome: 'refused' });
      const never = (): Promise<boolean> => assert.fail('it was opened');
      await configured({ authorization_endpoint: 'file:///etc/passwd' });
      await assert.rejects(login(never), malformed(/authorization_endpoint: expected a URL as safe as that of the issuer, got "file:/));
      await issuer.server.heal();
      await configured({ token_endpoint: undefined });
      await assert.rejects(login(never), malformed(/token_endpoint: expected a non-empty string, got nothing/));
      await issuer.server.heal();
      await configured({ issuer: 'https://elsewhere.example' });
      await assert.rejects(
        login(never),
        malformed(/issuer: expected "http:\/\/127\.0\.0\.1:\d+\/email", got "https:\/\/elsewhere\.example"/),
      );
    });

    it('lets no issuer on https point to http', async () => {
      const secure: typeof fetch = async () =>
        new Response(
          JSON.stringify({
            issuer: 'https://issuer.example',
            authorization_endpoint: 'http://issuer.example/a',
            token_endpoint: 'https://issuer.example/t',
          }),
        );
      await assert.rejects(
        login(agreeing, { fetch: secure, issuerUrl: 'https://issuer.example' }),
        mlsignError('identity-provider-malformed', /authorization_endpoint: expected a URL as safe as that of the issuer/),
      );
    });
  });

  describe('deviceToken', () => {
    it('shows address and code, and waits as the provider asks', async () => {
      issuer.devicePolls = ['authorization_pending', 'slow_down', 'authorization_pending'];
      const services = quickServices();
      const token = await deviceToken({ ...options(), ...services });
      assert.equal(token.identity, 'alice@example.com');
      assert.deepEqual(notes, [`to sign, open ${issuer.issuerOf('email')}/device and enter the code WDJB-MJHT\n`]);
      assert.deepEqual(services.waits, [5000, 5000, 10_000, 10_000]);
    });

    it('waits five seconds where the provider does not say', async () => {
      const edit = (reply: Reply): Reply => ({
        ...reply,
        body: JSON.stringify({ ...JSON.parse(String(reply.body)), interval: undefined }),
      });
      await issuer.server.fail({ fault: { kind: 'change', change: edit }, route: 'POST /email/device/code' });
      const services = quickServices();
      await deviceToken({ ...options(), ...services });
      assert.deepEqual(services.waits, [5000]);
    });

    it('gives up where the code has expired, by the provider’s word or by the clock', async () => {
      const expected = mlsignError('identity-timeout', 'nobody finished the login in time', { outcome: 'unavailable' });
      issuer.devicePolls = ['authorization_pending', 'expired_token'];
      await assert.rejects(deviceToken(options()), expected);
      issuer.devicePolls = Array(100).fill('authorization_pending');
      let now = Date.now();
      const wait = async (ms: number): Promise<void> => {
        now += ms;
      };
      const services = quickServices({ clock: () => new Date(now), wait });
      const before = issuer.server.requests.length;
      await assert.rejects(deviceToken({ ...options(), ...services }), expected);
      assert.equal(issuer.server.requests.length - before, 2 + 60);
    });

    it('gives the reason of a person or provider that refuses', async () => {
      issuer.devicePolls = ['access_denied'];
      await assert.rejects(
        deviceToken(options()),
        mlsignError('identity-refused', /refuses the login: access_denied$/, { outcome: 'refused' }),
      );
      await answered('POST /email/device/code', 400, { error: 'invalid_client', error_description: 'who are you' });
      await assert.rejects(deviceToken(options()), mlsignError('identity-refused', /refuses the login: invalid_client: who are you$/));
    });

    it('refuses an answer that would say something else on the terminal', async () => {
      for (const change of [
        { user_code: '\u001b[2J' },
        { verification_uri: 'http://x/\n' },
        { device_code: 1 },
        { expires_in: 0 },
        { interval: -1 },
      ]) {
        await issuer.server.heal();
        const edit = (reply: Reply): Reply => ({ ...reply, body: JSON.stringify({ ...JSON.parse(String(reply.body)), ...change }) });
        await issuer.server.fail({ fault: { kind: 'change', change: edit }, route: 'POST /email/device/code' });
        await assert.rejects(
          deviceToken(options()),
          mlsignError('identity-provider-malformed', /^the answer of the identity provider is malformed: /),
        );
      }
      assert.deepEqual(notes, []);
    });

    it('refuses a token of another issuer, and a provider without such logins', async () => {
      issuer.personClaims = { iss: 'https://elsewhere.example' };
      await assert.rejects(deviceToken(options()), mlsignError('identity-token-wrong', /another login/));
      await configured({ device_authorization_endpoint: undefined });
      await assert.rejects(
        deviceToken(options()),
        mlsignError('identity-device-unsupported', /has no login on another device$/, { outcome: 'usage' }),
      );
    });

    it('stops where it is interrupted while it waits', async () => {
      const controller = new AbortController();
      issuer.devicePolls = Array(10).fill('authorization_pending');
      const { wait: _, ...patient } = options();
      const waiting = deviceToken({ ...patient, notify: () => controller.abort(), signal: controller.signal });
      await assert.rejects(waiting, mlsignError('interrupted', 'interrupted'));
    });
  });
});

/** What comes back for bytes that no HTTP client would send. */
function rawRequest(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.end(request));
    socket.on('data', (chunk) => (text += String(chunk)));
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}
