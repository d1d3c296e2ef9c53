import { join } from 'node:path';
import { ROOT } from '../servers/credentials.ts';
import type { Installed } from '../servers/install.ts';
import { SIGSTORE_FILES } from '../servers/sigstore.ts';
import type { Servers } from '../servers/up.ts';

/** The environment variable that tells the tests what runs. */
export const VARIABLE = 'MLSIGN_INTEGRATION';

/** What the tests run against. */
export interface Environment extends Pick<Servers, 'sigstoreFolder' | 'urls' | 'minioCa' | 'variables'> {
  readonly installed: Installed;
  /** The runner's own, for whatever the tests write: it clears it away. */
  readonly folder: string;
}

/** What `run.ts` has started. */
export function environment(): Environment {
  const text = process.env[VARIABLE];
  if (text === undefined) throw new Error('the servers do not run: use npm run test:integration -- --grep …');
  return JSON.parse(text);
}

/** A file that the private Sigstore left: {@link SIGSTORE_FILES}. */
export function sigstoreFile(name: keyof typeof SIGSTORE_FILES): string {
  return join(environment().sigstoreFolder, SIGSTORE_FILES[name]);
}

/** Whom the instance's certificates can be for. */
export type IdentityKind = 'email' | 'github';

/** An identity and who vouches for it. */
export interface Expected {
  readonly identity: string;
  readonly issuer: string;
}

/** What the certificates for a kind of identity say. */
export function identityOf(kind: IdentityKind): Expected {
  const identity = { email: 'alice@example.com', github: 'https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main' };
  return { identity: identity[kind], issuer: `${environment().urls.issuer}/${kind}` };
}

/** A token of the instance's issuer. */
export async function mintToken(kind: IdentityKind, claims: Readonly<Record<string, string>> = {}): Promise<string> {
  const response = await fetch(`${environment().urls.issuer}/mint?${new URLSearchParams({ type: kind, ...claims })}`);
  return JSON.parse(await response.text()).value;
}

/** Who may do everything on the servers that speak AWS's protocols. */
export const ROOT_VARIABLES = { AWS_ACCESS_KEY_ID: ROOT.accessKeyId, AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey };

/** What finds no credentials and no settings but those that a test gives. */
export const NOWHERE = { AWS_CONFIG_FILE: '/nowhere', AWS_SHARED_CREDENTIALS_FILE: '/nowhere', AWS_EC2_METADATA_DISABLED: 'true' };

/** Makes this process such a one while a suite runs. */
export function useRoot(): void {
  let saved: NodeJS.ProcessEnv;
  before(() => {
    saved = { ...process.env };
    Object.assign(process.env, ROOT_VARIABLES, NOWHERE);
  });
  after(() => {
    for (const name of Object.keys(process.env)) if (!(name in saved)) delete process.env[name];
    Object.assign(process.env, saved);
  });
}
