import { Flags } from '@oclif/core';
import { readCapped, systemClock, unavailable, usage } from '../core/index.ts';
import { type ClientTrustConfig, parseClientTrustConfig, TRUST_CONFIG_LIMITS } from '../formats/index.ts';
import {
  ambientToken,
  browserToken,
  chooseServices,
  deviceToken,
  type IdentityToken,
  openBrowser,
  rekorWitness,
  type ServiceOptions,
  SIGSTORE_INSTANCES,
  type Signer,
  type SigstoreServices,
  sigstoreSigner,
  timestampWitness,
  tokenFromFile,
  type Witness,
} from '../sign/index.ts';
import { retryNote } from './retry-note.ts';
import { desktop, environment, isInteractive, serviceFetch, writeNote } from './wiring.ts';

const SIGSTORE = 'SIGSTORE';

/** Which instance of Sigstore. */
export const instanceFlags = {
  'trust-config': Flags.string({
    summary: 'A private instance: its trusted root and services (client trust configuration, JSON).',
    helpValue: 'FILE',
    helpGroup: SIGSTORE,
  }),
  staging: Flags.boolean({ summary: "Sigstore's staging instance.", exclusive: ['trust-config'], helpGroup: SIGSTORE }),
};

/** Signing with an identity, and witnesses for any signature. */
export const sigstoreFlags = {
  sigstore: Flags.boolean({
    summary: "Sign with an identity: the CI job's own, --identity-token-file, or a login in the browser.",
    helpGroup: SIGSTORE,
  }),
  'identity-token-file': Flags.string({
    summary: 'File with an OpenID Connect token (audience sigstore).',
    helpValue: 'FILE',
    dependsOn: ['sigstore'],
    helpGroup: SIGSTORE,
  }),
  ...instanceFlags,
  timestamp: Flags.url({
    summary: 'Add a timestamp of this authority (RFC 3161; repeatable).',
    helpValue: 'URL',
    multiple: true,
    multipleNonGreedy: true,
    helpGroup: SIGSTORE,
  }),
  rekor: Flags.boolean({ summary: "Add an entry of the instance's transparency log.", helpGroup: SIGSTORE }),
  'rekor-url': Flags.url({ summary: 'Add an entry of this transparency log.', helpValue: 'URL', helpGroup: SIGSTORE }),
  'rekor-version': Flags.option({ options: ['1', '2'] as const })({
    summary: 'Major version of the log at --rekor-url.',
    default: '1',
    helpGroup: SIGSTORE,
  }),
};

/** Flags that say which instance of Sigstore. */
export interface InstanceFlags {
  readonly 'trust-config'?: string | undefined;
  readonly staging: boolean;
}

/** Flags that say how Sigstore signs and who else testifies. */
export interface SigstoreFlags extends InstanceFlags {
  readonly 'identity-token-file'?: string | undefined;
  readonly timestamp?: readonly URL[] | undefined;
  readonly rekor: boolean;
  readonly 'rekor-url'?: URL | undefined;
  readonly 'rekor-version': '1' | '2';
  readonly quiet: boolean;
}

/** The client trust configuration that flags name. */
export async function readTrustConfig(path: string): Promise<ClientTrustConfig> {
  return parseClientTrustConfig(await readCapped(path, TRUST_CONFIG_LIMITS.maxBytes, 'trust configuration'), path);
}

/** The services of the instance that flags name. */
export async function sigstoreServices(flags: InstanceFlags): Promise<SigstoreServices> {
  const path = flags['trust-config'];
  const instance = flags.staging ? 'staging' : 'public-good';
  const config = path === undefined ? SIGSTORE_INSTANCES[instance] : (await readTrustConfig(path)).signingConfig;
  return chooseServices(config, systemClock(), path ?? `Sigstore's ${instance} instance`);
}

/** Those who testify because flags ask for it, whoever signs. */
export async function flaggedWitnesses(flags: SigstoreFlags): Promise<readonly Witness[]> {
  const service = serviceOptions(flags);
  const logs = flags.rekor ? (await sigstoreServices(flags)).logs : [];
  if (flags.rekor && logs.length === 0) {
    throw usage('log-missing', 'the instance has no transparency log', { suggestions: ['name one with --rekor-url'] });
  }
  const named =
    flags['rekor-url'] === undefined
      ? []
      : [{ url: flags['rekor-url'].href, majorVersion: flags['rekor-version'] === '2' ? 2 : 1 } as const];
  return [
    ...[...logs, ...named].map((log) => rekorWitness({ ...service, ...log })),
    ...(flags.timestamp ?? []).map(({ href }) => timestampWitness({ ...service, url: href })),
  ];
}

/** Those who testify to a Sigstore signature because its instance asks for it. */
export function instanceWitnesses(services: SigstoreServices, flags: SigstoreFlags): readonly Witness[] {
  const service = serviceOptions(flags);
  return [
    ...services.logs.map((log) => rekorWitness({ ...service, ...log })),
    ...services.timestampUrls.map((url) => timestampWitness({ ...service, url })),
  ];
}

/** How to get a signer for the identity of whoever runs the command. */
export function identitySigner(services: SigstoreServices, flags: SigstoreFlags, signal: AbortSignal): () => Promise<Signer> {
  return async () => {
    const service = serviceOptions(flags);
    const identityToken = await findToken(services, flags, service, signal);
    return sigstoreSigner({ ...service, identityToken, fulcioUrl: services.fulcioUrl, signal });
  };
}

async function findToken(
  services: SigstoreServices,
  flags: SigstoreFlags,
  service: ServiceOptions,
  signal: AbortSignal,
): Promise<IdentityToken> {
  const file = flags['identity-token-file'];
  if (file !== undefined) return tokenFromFile(file);
  const ambient = await ambientToken({ ...service, env: environment(), signal });
  if (ambient !== undefined) return ambient;
  const { issuerUrl } = services;
  if (!isInteractive() || issuerUrl === undefined) {
    throw unavailable(
      'identity-missing',
      'there is no identity to sign with: no token of a CI job, no file, and nobody at a terminal to log in',
      {
        suggestions: ['let the job have an identity token (docs/ci.md)', 'set SIGSTORE_ID_TOKEN, or give --identity-token-file'],
      },
    );
  }
  const login = { ...service, issuerUrl, notify: (text: string) => writeNote(`${text}\n`), signal };
  const screen = desktop();
  return screen === undefined ? deviceToken(login) : browserToken({ ...login, openBrowser: (url) => openBrowser(url, screen) });
}

function serviceOptions({ quiet }: SigstoreFlags): ServiceOptions {
  return { fetch: serviceFetch(), onRetry: retryNote(quiet) };
}
