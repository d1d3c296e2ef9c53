import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type MlsignError, makeDirectory, parseJson, refused, sha256Hex, unavailable } from '../core/index.ts';
import { parseClientTrustConfig, parseTrustedRoot, TRUST_CONFIG_LIMITS, type TrustedRoot } from '../formats/index.ts';

/** A trusted root and where it came from. */
export interface TrustedRootSource {
  readonly root: TrustedRoot;
  /** For the evidence: `trusted root root.json, sha256 6494e21e…`. */
  readonly description: string;
}

/** How the trusted root of one of Sigstore's own instances is had. */
export interface InstanceOptions {
  readonly instance: 'public-good' | 'staging';
  /** Takes the root that is shipped, without a network. */
  readonly offline: boolean;
  /** A directory for what TUF has to remember; made where it does not exist. */
  readonly cacheDirectory: string;
  readonly now: Date;
}

/** A repository of TUF metadata, and how it is asked. */
export interface TufRepository {
  readonly url: string;
  /** The TUF root that trust begins with. */
  readonly rootMetadata: Uint8Array;
  readonly cacheDirectory: string;
  /** Milliseconds that one request may take; 10 s unless given. */
  readonly timeout?: number | undefined;
  /** How often a request that fails is sent again; twice unless given. */
  readonly retries?: number | undefined;
}

/** What is shipped of a TUF repository, base64: enough to begin with, and enough to verify with when offline. */
interface Seed {
  readonly 'root.json': string;
  readonly targets: { readonly 'trusted_root.json': string };
}

const MIRRORS = {
  'public-good': 'https://tuf-repo-cdn.sigstore.dev',
  staging: 'https://tuf-repo-cdn.sigstage.dev',
} as const;
const TARGET = 'trusted_root.json';
const CLIENT_TRUST_CONFIG = 'application/vnd.dev.sigstore.clienttrustconfig.';

/**
 * Reads a trusted root that the user gives: a TrustedRoot, or the one in a ClientTrustConfig.
 *
 * @throws MlsignError `trusted-root-malformed`, `trust-config-malformed`, and what `parseJson` throws
 */
export function readTrustedRoot(bytes: Uint8Array, where: string): TrustedRootSource {
  const document = parseJson(bytes, where, TRUST_CONFIG_LIMITS);
  const mediaType = isJsonObject(document) ? document.mediaType : undefined;
  const isConfig = typeof mediaType === 'string' && mediaType.startsWith(CLIENT_TRUST_CONFIG);
  const root = isConfig ? parseClientTrustConfig(bytes, where).trustedRoot : parseTrustedRoot(bytes, where);
  return { root, description: `${isConfig ? 'trust configuration' : 'trusted root'} ${where}, sha256 ${sha256Hex(bytes)}` };
}

/**
 * The trusted root of Sigstore's public-good instance, or of its staging instance: the present one by TUF, or, offline, the
 * one that is shipped.
 *
 * @throws MlsignError `trusted-root-unavailable`
 */
export async function instanceTrustedRoot(options: InstanceOptions): Promise<TrustedRootSource> {
  const { instance, cacheDirectory, now } = options;
  const seed = await loadSeed(instance);
  const name = `trusted root of Sigstore's ${instance} instance`;
  if (!options.offline) {
    const rootMetadata = Buffer.from(seed['root.json'], 'base64');
    const text = await latestTrustedRoot({ url: MIRRORS[instance], rootMetadata, cacheDirectory });
    return { root: parseTrustedRoot(text, name), description: `${name}, by TUF at ${now.toISOString()}, sha256 ${sha256Hex(text)}` };
  }
  const bytes = Buffer.from(seed.targets[TARGET], 'base64');
  const { version, expires } = readRootMetadata(seed, name);
  const until = `${expires.toISOString().slice(0, 10)}${expires < now ? ', which is past' : ''}`;
  const shipped = `as shipped with TUF root ${version}, good until ${until}`;
  return { root: parseTrustedRoot(bytes, name), description: `${name}, ${shipped}, sha256 ${sha256Hex(bytes)}` };
}

async function loadSeed(instance: InstanceOptions['instance']): Promise<Seed> {
  switch (instance) {
    case 'public-good':
      return (await import('@sigstore/tuf/seeds.json', { with: { type: 'json' } })).default[MIRRORS['public-good']];
    case 'staging':
      // From the Python package sigstore; fixtures/sigstore/README.md has the recipe.
      return (await import('./staging-seed.json', { with: { type: 'json' } })).default[MIRRORS.staging];
  }
}

function readRootMetadata(seed: Seed, where: string): { readonly version: string; readonly expires: Date } {
  const document = parseJson(Buffer.from(seed['root.json'], 'base64'), where, TRUST_CONFIG_LIMITS);
  const signed = isJsonObject(document) ? document.signed : undefined;
  const expires = new Date(isJsonObject(signed) ? String(signed.expires) : '');
  if (!isJsonObject(signed) || Number.isNaN(expires.getTime())) {
    throw refused('trusted-root-malformed', 'the TUF root that is shipped is malformed', { subject: where });
  }
  return { version: String(signed.version), expires };
}

/**
 * The trusted root that a TUF repository has now (TUF specification §5), as text; what must not be forgotten stays in the
 * cache directory.
 *
 * @throws MlsignError `trusted-root-unavailable`
 */
export async function latestTrustedRoot({
  url,
  rootMetadata,
  cacheDirectory,
  timeout = 10_000,
  retries = 2,
}: TufRepository): Promise<string> {
  try {
    // CommonJS: its names are those of the default export, in the bundle too.
    const { initTUF } = (await import('@sigstore/tuf')).default;
    await makeDirectory(cacheDirectory);
    const rootPath = join(cacheDirectory, `${sha256Hex(url).slice(0, 16)}.root.json`);
    await writeFile(rootPath, rootMetadata);
    const client = await initTUF({ mirrorURL: url, cachePath: cacheDirectory, rootPath, timeout, retry: { retries } });
    return await client.getTarget(TARGET);
  } catch (error) {
    throw notAvailable(url, error);
  }
}

function notAvailable(mirror: string, cause: unknown): MlsignError {
  const reasons: string[] = [];
  for (let error = cause; error instanceof Error && reasons.length < 4; error = error.cause) reasons.push(error.message);
  return unavailable('trusted-root-unavailable', `the trusted root of Sigstore cannot be had: ${reasons.join(': ')}`, {
    subject: mirror,
    suggestions: ['use the one that is shipped (--offline), or a file of your own (--trusted-root)'],
    cause,
  });
}
