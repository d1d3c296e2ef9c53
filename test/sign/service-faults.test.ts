import assert from 'node:assert/strict';
import {
  ambientToken,
  browserToken,
  deviceToken,
  readIdentityToken,
  rekorWitness,
  type ServiceOptions,
  seal,
  sigstoreSigner,
  timestampWitness,
} from '../../src/sign/index.ts';
import { fixtureSigner, mlsignError } from '../helpers/keys.ts';
import {
  ACTIONS_BEARER,
  assertWithout,
  PASSING_FAULTS,
  quickServices,
  type StrictServer,
  startSigstore,
  type TestSigstore,
  unavailableWithout,
  WRONG_CONTENT,
} from '../helpers/sigstore/index.ts';

/** One way to use services: each of its requests is made to fail in every way. */
interface Flow {
  readonly name: string;
  readonly server: (sigstore: TestSigstore) => StrictServer;
  /** Its requests, each with the number of those that come before it. */
  readonly requests: Readonly<Record<string, number>>;
  /** The request that is done only once, even where its answer is lost. */
  readonly once?: string;
  readonly run: (sigstore: TestSigstore, services: ServiceOptions) => Promise<unknown>;
}

const PAYLOAD = Buffer.from('{}');
const notify = (): void => undefined;

const FLOWS: readonly Flow[] = [
  {
    name: 'a certificate from Fulcio',
    server: ({ fulcio }) => fulcio.server,
    requests: { 'POST /api/v2/signingCert': 0 },
    run: (sigstore, services) =>
      sigstoreSigner({
        ...services,
        fulcioUrl: sigstore.urls.fulcio,
        identityToken: readIdentityToken(sigstore.mintToken('email'), 'test', new Date()),
      }),
  },
  {
    name: 'a timestamp',
    server: ({ tsa }) => tsa.server,
    requests: { 'POST /api/v1/timestamp': 0 },
    run: async ({ urls }, services) =>
      seal(PAYLOAD, await fixtureSigner('ec-p256'), { witnesses: [timestampWitness({ ...services, url: urls.tsa })] }),
  },
  {
    name: 'an entry in Rekor v1',
    server: ({ rekorV1 }) => rekorV1.server,
    requests: { 'POST /api/v1/log/entries': 0 },
    run: async ({ urls }, services) =>
      seal(PAYLOAD, await fixtureSigner('ec-p256'), { witnesses: [rekorWitness({ ...services, url: urls.rekorV1, majorVersion: 1 })] }),
  },
  {
    name: 'an entry in Rekor v2',
    server: ({ rekorV2 }) => rekorV2.server,
    requests: { 'POST /api/v2/log/entries': 0 },
    once: 'POST /api/v2/log/entries',
    run: async ({ urls }, services) =>
      seal(PAYLOAD, await fixtureSigner('ec-p256'), { witnesses: [rekorWitness({ ...services, url: urls.rekorV2, majorVersion: 2 })] }),
  },
  {
    name: 'a login in the browser',
    server: ({ issuer }) => issuer.server,
    requests: { 'GET /email/.well-known/openid-configuration': 0, 'POST /email/token': 2 },
    once: 'POST /email/token',
    run: ({ urls }, services) =>
      browserToken({ ...services, issuerUrl: urls.issuer, notify, openBrowser: async (url) => (await fetch(url)).ok }),
  },
  {
    name: 'a login on another device',
    server: ({ issuer }) => issuer.server,
    requests: { 'GET /email/.well-known/openid-configuration': 0, 'POST /email/device/code': 1, 'POST /email/token': 2 },
    run: ({ urls }, services) => deviceToken({ ...services, issuerUrl: urls.issuer, notify }),
  },
  {
    name: 'a token of GitHub Actions',
    server: ({ issuer }) => issuer.server,
    requests: { 'GET /github/actions-token': 0 },
    run: ({ issuer }, services) =>
      ambientToken({
        ...services,
        env: {
          GITHUB_ACTIONS: 'true',
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: ACTIONS_BEARER,
          ACTIONS_ID_TOKEN_REQUEST_URL: `${issuer.server.url}/github/actions-token?api-version=2.0`,
        },
      }),
  },
  {
    name: 'a token of Google Cloud',
    server: ({ issuer }) => issuer.server,
    requests: { 'GET /computeMetadata/v1/instance/service-accounts/default/identity': 0 },
    run: ({ issuer }, services) => ambientToken({ ...services, env: { GCE_METADATA_HOST: issuer.server.host } }),
  },
];

describe('services that fail', () => {
  let sigstore: TestSigstore;
  const secrets = (): readonly string[] => [...sigstore.issuer.tokens, ACTIONS_BEARER];

  before(async () => {
    sigstore = await startSigstore();
  });
  after(() => sigstore.close());
  afterEach(async () => {
    for (const { server } of [sigstore.fulcio, sigstore.tsa, sigstore.rekorV1, sigstore.rekorV2, sigstore.issuer]) await server.heal();
  });

  for (const { name, server, requests, once, run } of FLOWS) {
    for (const [route, earlier] of Object.entries(requests)) {
      for (const [kind, { fault, reason }] of Object.entries(PASSING_FAULTS)) {
        it(`${name}, ${route}, ${kind}: is tried again, and given up with the reason`, async () => {
          const attempts = kind === 'slow' ? 2 : 3;
          const services = quickServices({ attempts, ...(kind === 'slow' ? { timeoutMs: 250 } : {}) });
          const failing = server(sigstore);
          await failing.fail(fault.kind === 'refused' ? { fault, skip: earlier } : { fault, route });
          const before = failing.requests.length;
          await assert.rejects(run(sigstore, services), unavailableWithout(secrets(), 'service-unavailable', reason));
          const asked = failing.requests.slice(before).filter((request) => request === route).length;
          assert.equal(asked, kind === 'refused' ? 0 : attempts);
          assert.deepEqual(
            services.retries.map(({ attempt }) => attempt),
            [1, 2].slice(0, attempts - 1),
          );
          for (const retry of services.retries) assert.match(retry.reason, reason);
          assertWithout(secrets(), services.retries);
        });

        const isRepeatable = route !== once || fault.kind === 'reset' || fault.kind === 'reply';
        // A time-out ends like a reset; one flow shows it.
        if (fault.kind === 'refused' || !isRepeatable || (kind === 'slow' && route !== 'POST /api/v1/timestamp')) continue;
        it(`${name}, ${route}, ${kind} once: succeeds at the second attempt`, async () => {
          const services = quickServices(kind === 'slow' ? { timeoutMs: 1000 } : {});
          await server(sigstore).fail({ fault, route, times: 1 });
          await run(sigstore, services);
          assert.equal(services.retries.length, 1);
        });
      }

      for (const [kind, { fault, message }] of Object.entries(WRONG_CONTENT)) {
        it(`${name}, ${route}, ${kind}: is given up at once`, async () => {
          const services = quickServices();
          await server(sigstore).fail({ fault, route });
          await assert.rejects(run(sigstore, services), unavailableWithout(secrets(), 'service-response-malformed', message));
          assert.deepEqual(services.retries, []);
        });
      }
    }
  }

  it('an entry in Rekor v2 whose answer was lost cannot be proven any more', async () => {
    await sigstore.rekorV2.server.fail({ fault: { kind: 'lost' }, times: 1 });
    const witness = rekorWitness({ ...quickServices(), url: sigstore.urls.rekorV2, majorVersion: 2 });
    const expected = mlsignError('log-entry-exists', /has this signature already, and proves an entry only when it is made/, {
      outcome: 'unavailable',
      suggestions: ['sign again: the next signature is another one'],
    });
    await assert.rejects(seal(PAYLOAD, await fixtureSigner('ec-p256'), { witnesses: [witness] }), expected);
    const signer = await fixtureSigner('rsa-2048', 'pkcs1');
    await seal(PAYLOAD, signer, { witnesses: [witness] });
    await assert.rejects(
      seal(PAYLOAD, signer, { witnesses: [witness] }),
      mlsignError('log-entry-exists', /has this signature already/, {
        suggestions: ['use the bundle of the first time: the same key and content make the same signature'],
      }),
    );
  });

  it('a code whose answer was lost is good for no second login', async () => {
    await sigstore.issuer.server.fail({ fault: { kind: 'lost' }, route: 'POST /email/token', times: 1 });
    const login = browserToken({
      ...quickServices(),
      issuerUrl: sigstore.urls.issuer,
      notify,
      openBrowser: async (url) => (await fetch(url)).ok,
    });
    await assert.rejects(login, mlsignError('identity-refused', /refuses the login: invalid_grant$/, { outcome: 'refused' }));
  });

  it('waits as long as the service asks, and longer after each attempt', async () => {
    const services = quickServices({ attempts: 4 });
    const { fault } = PASSING_FAULTS['too many'] ?? assert.fail();
    await sigstore.fulcio.server.fail({ fault });
    await assert.rejects(
      FLOWS[0]?.run(sigstore, services) ?? assert.fail(),
      unavailableWithout(secrets(), 'service-unavailable', /tried 4 times/),
    );
    assert.deepEqual(services.waits, [2000, 2000, 2000]);
    const impatient = quickServices({ attempts: 4 });
    await sigstore.fulcio.server.heal();
    await sigstore.fulcio.server.fail({ fault: { kind: 'reply', reply: { status: 500 } } });
    await assert.rejects(
      FLOWS[0]?.run(sigstore, impatient) ?? assert.fail(),
      unavailableWithout(secrets(), 'service-unavailable', /status 500/),
    );
    assert.deepEqual(impatient.waits, [250, 500, 1000]);
  });

  it('does not wait for half an hour', async () => {
    const later = new Date(Date.now() + 1_800_000).toUTCString();
    for (const value of ['1800', later]) {
      const services = quickServices();
      await sigstore.tsa.server.fail({ fault: { kind: 'reply', reply: { status: 429, headers: { 'retry-after': value } } } });
      const expected = unavailableWithout([], 'service-unavailable', /which asks to wait (1800|1799) seconds: status 429 \(tried once\)$/);
      await assert.rejects(FLOWS[1]?.run(sigstore, services) ?? assert.fail(), expected);
      assert.deepEqual(services.waits, []);
      await sigstore.tsa.server.heal();
    }
  });

  it('stops at once where it is interrupted, while it is answered and while it waits', async () => {
    const controller = new AbortController();
    await sigstore.tsa.server.fail({ fault: { kind: 'slow' } });
    const witness = timestampWitness({ ...quickServices(), url: sigstore.urls.tsa });
    const signing = seal(PAYLOAD, await fixtureSigner('ec-p256'), { witnesses: [witness], signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await assert.rejects(signing, mlsignError('interrupted', 'interrupted'));
    await sigstore.tsa.server.heal();
    await sigstore.tsa.server.fail({ fault: { kind: 'reply', reply: { status: 503, headers: { 'retry-after': '20' } } } });
    const waiting = new AbortController();
    const patient = timestampWitness({ fetch, url: sigstore.urls.tsa, onRetry: () => waiting.abort() });
    const sealing = seal(PAYLOAD, await fixtureSigner('ec-p256'), { witnesses: [patient], signal: waiting.signal });
    await assert.rejects(sealing, mlsignError('interrupted', 'interrupted'));
  });
});
