import type { Service, SigningConfig } from '../formats/index.ts';

/** The instances of Sigstore that need no configuration. */
export type SigstoreInstance = 'public-good' | 'staging';

/**
 * The services of Sigstore's own instances, those of today among what their TUF targets `signing_config.v0.2.json` list
 * (fixtures/sigstore). Where they move on before a new mlsign is there, `--trust-config` goes before them.
 */
export const SIGSTORE_INSTANCES: Readonly<Record<SigstoreInstance, SigningConfig>> = {
  'public-good': {
    caUrls: [service('https://fulcio.sigstore.dev', 1, '2022-04-13T20:06:15Z')],
    oidcUrls: [service('https://oauth2.sigstore.dev/auth', 1, '2022-04-13T20:06:15Z')],
    rekorTlogUrls: [service('https://rekor.sigstore.dev', 1, '2021-01-12T11:53:27Z')],
    rekorTlogConfig: { kind: 'any' },
    tsaUrls: [service('https://timestamp.sigstore.dev/api/v1/timestamp', 1, '2025-07-04T00:00:00Z')],
    tsaConfig: { kind: 'any' },
  },
  staging: {
    caUrls: [service('https://fulcio.sigstage.dev', 1, '2022-04-14T21:38:40Z')],
    oidcUrls: [service('https://oauth2.sigstage.dev/auth', 1, '2025-04-16T00:00:00Z')],
    rekorTlogUrls: [
      service('https://log2025-alpha3.rekor.sigstage.dev', 2, '2025-09-22T11:00:00Z'),
      service('https://rekor.sigstage.dev', 1, '2021-01-12T11:53:27Z'),
    ],
    rekorTlogConfig: { kind: 'any' },
    tsaUrls: [service('https://timestamp.sigstage.dev/api/v1/timestamp', 1, '2025-04-09T00:00:00Z')],
    tsaConfig: { kind: 'any' },
  },
};

function service(url: string, majorApiVersion: number, start: string): Service {
  return { url, majorApiVersion, validFor: { start: new Date(start), end: undefined }, operator: 'sigstore.dev' };
}
