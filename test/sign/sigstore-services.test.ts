import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parseSigningConfig, type Service, type ServiceSelector, type SigningConfig } from '../../src/formats/index.ts';
import { chooseServices, SIGSTORE_INSTANCES, type SigstoreInstance } from '../../src/sign/index.ts';
import { mlsignError } from '../helpers/keys.ts';

const NOW = new Date('2026-03-01T00:00:00Z');

interface Period {
  readonly start?: string;
  readonly end?: string;
}

function service(url: string, operator: string, majorApiVersion = 1, { start, end }: Period = { start: '2025-01-01T00:00:00Z' }): Service {
  const date = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));
  return { url, operator, majorApiVersion, validFor: { start: date(start), end: date(end) } };
}

const MINIMAL: SigningConfig = {
  caUrls: [service('https://ca', 'a')],
  oidcUrls: [],
  rekorTlogUrls: [],
  rekorTlogConfig: undefined,
  tsaUrls: [],
  tsaConfig: undefined,
};

function logs(rekorTlogUrls: readonly Service[], selector: ServiceSelector | undefined): readonly string[] {
  const chosen = chooseServices({ ...MINIMAL, rekorTlogUrls, rekorTlogConfig: selector }, NOW, 'sc.json');
  return chosen.logs.map(({ url, majorVersion }) => `${url} v${majorVersion}`);
}

function lacks(change: Partial<SigningConfig>, kind: string, expected: RegExp, got: string): void {
  assert.throws(
    () => chooseServices({ ...MINIMAL, ...change }, NOW, 'sc.json'),
    (error) => {
      mlsignError('signing-config-lacks-service', `the signing configuration has too few services of one kind: ${kind}`, {
        subject: 'sc.json',
        got,
      })(error);
      assert.match(String(Reflect.get(Object(error), 'expected')), expected);
      return true;
    },
  );
}

describe('chooseServices', () => {
  const any = { kind: 'any' } as const;
  const all = { kind: 'all' } as const;

  it('takes the newest service of the highest version that is spoken', () => {
    const services = [
      service('https://old', 'a', 2, { start: '2024-01-01T00:00:00Z' }),
      service('https://new', 'b', 2, { start: '2026-01-01T00:00:00Z' }),
      service('https://v1', 'c', 1, { start: '2026-02-01T00:00:00Z' }),
      service('https://v3', 'd', 3, { start: '2026-02-02T00:00:00Z' }),
      service('https://unreleased', 'e', 0, { start: '2026-02-02T00:00:00Z' }),
    ];
    assert.deepEqual(logs(services, any), ['https://new v2']);
    assert.deepEqual(logs([services[2] ?? assert.fail(), services[3] ?? assert.fail()], any), ['https://v1 v1']);
  });

  it('takes the first of those that are equally new', () => {
    assert.deepEqual(logs([service('https://one', 'a'), service('https://two', 'b')], any), ['https://one v1']);
  });

  it('takes only what is valid now, both ends included', () => {
    const at = NOW.toISOString();
    const services = [
      service('https://past', 'a', 2, { start: '2020-01-01T00:00:00Z', end: '2026-02-28T23:59:59Z' }),
      service('https://future', 'b', 2, { start: '2026-03-01T00:00:01Z' }),
      service('https://first-moment', 'c', 1, { start: at }),
      service('https://last-moment', 'd', 1, { start: '2020-01-01T00:00:00Z', end: at }),
      service('https://always', 'e', 1, {}),
    ];
    assert.deepEqual(logs(services, all), ['https://first-moment v1', 'https://last-moment v1', 'https://always v1']);
  });

  it('takes one of each operator, and no two versions', () => {
    const services = [
      service('https://a-old', 'a', 2, { start: '2024-01-01T00:00:00Z' }),
      service('https://a-new', 'a', 2, { start: '2025-06-01T00:00:00Z' }),
      service('https://b', 'b', 2, { start: '2025-01-01T00:00:00Z' }),
      service('https://c', 'c', 1, { start: '2026-01-01T00:00:00Z' }),
    ];
    assert.deepEqual(logs(services, all), ['https://a-new v2', 'https://b v2']);
    assert.deepEqual(logs(services, { kind: 'exact', count: 2 }), ['https://a-new v2', 'https://b v2']);
    assert.deepEqual(logs(services, { kind: 'exact', count: 1 }), ['https://a-new v2']);
    lacks(
      { rekorTlogUrls: services, rekorTlogConfig: { kind: 'exact', count: 3 } },
      'transparency log',
      /^3, each of another operator, valid at 2026-03-01T00:00:00\.000Z, API version 1 or 2$/,
      '4 listed, 2 of them usable',
    );
  });

  it('uses none of a kind that the instance does not ask for', () => {
    assert.deepEqual(logs([service('https://log', 'a')], undefined), []);
    assert.deepEqual(chooseServices({ ...MINIMAL, tsaUrls: [service('https://tsa', 'a')] }, NOW, 'sc.json').timestampUrls, []);
    assert.equal(chooseServices(MINIMAL, NOW, 'sc.json').issuerUrl, undefined);
  });

  it('refuses a configuration without a service that it needs', () => {
    lacks({ caUrls: [] }, 'Fulcio', /^one, valid at/, 'none is listed');
    lacks({ caUrls: [service('https://ca', 'a', 2)] }, 'Fulcio', /API version 1$/, '1 listed, 0 of them usable');
    lacks({ rekorTlogConfig: any }, 'transparency log', /^one, valid at/, 'none is listed');
    lacks({ tsaConfig: all }, 'timestamp authority', /^one, valid at/, 'none is listed');
    lacks({ tsaConfig: { kind: 'exact', count: 1 } }, 'timestamp authority', /^one, valid at/, 'none is listed');
  });
});

describe('the instances of Sigstore', () => {
  for (const instance of ['public-good', 'staging'] as const satisfies readonly SigstoreInstance[]) {
    it(`has the services that ${instance} published`, () => {
      const published = parseSigningConfig(
        readFileSync(new URL(`../../fixtures/sigstore/${instance}.signing-config.json`, import.meta.url)),
        instance,
      );
      assert.deepEqual(chooseServices(SIGSTORE_INSTANCES[instance], NOW, instance), chooseServices(published, NOW, instance));
    });
  }

  it('asks the public-good instance for a timestamp and an entry in Rekor v1', () => {
    assert.deepEqual(chooseServices(SIGSTORE_INSTANCES['public-good'], NOW, 'public-good'), {
      fulcioUrl: 'https://fulcio.sigstore.dev',
      issuerUrl: 'https://oauth2.sigstore.dev/auth',
      logs: [{ url: 'https://rekor.sigstore.dev', majorVersion: 1 }],
      timestampUrls: ['https://timestamp.sigstore.dev/api/v1/timestamp'],
    });
  });
});
