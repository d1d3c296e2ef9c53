import { readFile } from 'node:fs/promises';
import { Decoder, decodeUtf8, type MlsignError, systemClock, throwIfAborted, unavailable } from '../../core/index.ts';
import { callJsonService, callService, type ServiceCall, type ServiceOptions, wrongContent } from '../service.ts';
import { commandOutput } from './command.ts';
import { type IdentityToken, readIdentityToken } from './identity-token.ts';

/** Where a job runs, and whom its token is for. */
export interface AmbientTokenOptions extends ServiceOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whom the token is for; `sigstore` unless given. */
  readonly audience?: string | undefined;
  /** What the firmware of the machine calls itself; read from Linux unless given. */
  readonly productName?: (() => Promise<string>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Job extends AmbientTokenOptions {
  readonly audience: string;
}

/** A place that gives tokens to its jobs. */
interface Provider {
  readonly name: string;
  /** Whether the job runs there. */
  detect(job: Job): boolean | Promise<boolean>;
  token(job: Job): Promise<string>;
}

/** In the order in which they are asked: a token that was put there on purpose goes before the system's own. */
const PROVIDERS: readonly Provider[] = [
  {
    name: 'SIGSTORE_ID_TOKEN',
    detect: ({ env }) => isSet(env.SIGSTORE_ID_TOKEN),
    token: async ({ env }) => (env.SIGSTORE_ID_TOKEN ?? '').trim(),
  },
  {
    name: 'GitHub Actions',
    detect: ({ env }) => env.GITHUB_ACTIONS === 'true' || isSet(env.ACTIONS_ID_TOKEN_REQUEST_URL),
    token: githubToken,
  },
  { name: 'GitLab CI', detect: ({ env }) => isSet(env.GITLAB_CI), token: gitlabToken },
  {
    name: 'Buildkite',
    detect: ({ env }) => isSet(env.BUILDKITE),
    token: (job) => commandOutput('buildkite-agent', ['oidc', 'request-token', '--audience', job.audience], job),
  },
  {
    name: 'CircleCI',
    detect: ({ env }) => isSet(env.CIRCLECI),
    // The token in the environment is for another audience. Fulcio knows CircleCI by its root issuer.
    token: (job) =>
      commandOutput('circleci', ['run', 'oidc', 'get', '--claims', JSON.stringify({ aud: job.audience }), '--root-issuer'], job),
  },
  { name: 'Google Cloud', detect: isGoogleCloud, token: googleToken },
];

/**
 * The identity token that the place where a job runs gives to it; undefined where there is none to ask.
 *
 * @throws MlsignError `identity-permission-missing` (the job may not have one), `identity-refused`, `identity-command-failed`,
 *   `identity-token-malformed`, `identity-token-expired`, `service-unavailable`, `service-response-malformed`, `interrupted`
 */
export async function ambientToken(options: AmbientTokenOptions): Promise<IdentityToken | undefined> {
  const job: Job = { ...options, audience: options.audience ?? 'sigstore' };
  for (const provider of PROVIDERS) {
    throwIfAborted(options.signal);
    if (!(await provider.detect(job))) continue;
    const token = await provider.token(job);
    return readIdentityToken(token, provider.name, (options.clock ?? systemClock)());
  }
  return undefined;
}

async function githubToken(job: Job): Promise<string> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = job.env;
  const url = URL.parse(address ?? '');
  if (url === null || !isSet(bearer)) {
    throw permissionMissing(
      'GitHub Actions',
      'give the job "permissions: id-token: write"; runs for pull requests from forks cannot have it',
    );
  }
  url.searchParams.set('audience', job.audience);
  const call: ServiceCall = {
    service: 'GitHub Actions',
    url: url.href,
    method: 'GET',
    headers: { authorization: `bearer ${bearer}`, accept: 'application/json' },
    timeoutMs: 30_000,
    secrets: [bearer],
    refusedCode: 'identity-refused',
    signal: job.signal,
  };
  const { json } = await callJsonService(call, job);
  const decoder = new Decoder();
  const fields = decoder.object(json, '');
  const token = fields.string('value');
  // What stands there instead could be a part of a token.
  if (decoder.problems.length > 0) throw wrongContent(call, 'JSON that holds no identity token');
  return token;
}

async function gitlabToken(): Promise<string> {
  throw permissionMissing('GitLab CI', 'give the job "id_tokens: SIGSTORE_ID_TOKEN: aud: sigstore"');
}

/** Google's metadata server answers on the machines of Google Cloud alone; nobody else is asked. */
async function isGoogleCloud({ env, productName = readProductName }: Job): Promise<boolean> {
  if (['GCE_METADATA_HOST', 'K_SERVICE', 'CLOUD_RUN_JOB'].some((name) => isSet(env[name]))) return true;
  return /^Google( Compute Engine)?$/.test(await productName());
}

async function readProductName(): Promise<string> {
  return (await readFile('/sys/class/dmi/id/product_name', 'utf8').catch(() => '')).trim();
}

async function googleToken(job: Job): Promise<string> {
  const host = isSet(job.env.GCE_METADATA_HOST) ? job.env.GCE_METADATA_HOST : 'metadata.google.internal';
  const query = new URLSearchParams({ audience: job.audience, format: 'full' });
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/identity`;
  const call: ServiceCall = {
    service: 'the metadata server of Google Cloud',
    url: `${url}?${query}`,
    method: 'GET',
    headers: { 'metadata-flavor': 'Google' },
    timeoutMs: 10_000,
    refusedCode: 'identity-refused',
    suggestions: ['the machine or job must run as a service account'],
    signal: job.signal,
  };
  const { body } = await callService(call, job);
  const token = (decodeUtf8(body) ?? '').trim();
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) throw wrongContent(call, 'something that is not an identity token');
  return token;
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value.trim() !== '';
}

function permissionMissing(name: string, suggestion: string): MlsignError {
  return unavailable('identity-permission-missing', `this job of ${name} may not have an identity token`, {
    subject: name,
    suggestions: [suggestion],
  });
}
