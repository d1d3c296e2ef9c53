import { receiveInPlace } from './receive-in-place.ts';
import { DEFAULT_RETRIES, type RetryOptions } from './retry.ts';

/** The variables that name proxies: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, in either case. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/** Where AWS is, and how it is reached. Credentials, role and region come from the SDK's usual chain. */
export interface AwsConnection {
  /** Goes before that of the environment and the profile. */
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
  /** An emulator or a VPC endpoint that the user asked for. */
  readonly endpoint?: string | undefined;
  readonly proxies?: ProxyEnvironment | undefined;
  /** Time for one attempt, in milliseconds; 15 s unless given. */
  readonly timeoutMs?: number | undefined;
  readonly retries?: Partial<RetryOptions> | undefined;
}

/** Time for one attempt where none is given. */
export const DEFAULT_TIMEOUT_MS = 15_000;

/** No honest answer of KMS is longer: a page of 1,000 keys takes 150 KB. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Received at once of what is not encrypted; TLS gives a record at a time. */
const PIECE_BYTES = 256 * 1024;
const RECORD_BYTES = 16 * 1024;

/**
 * The settings of an SDK client. SDK v3 looks at no proxy by itself: the agents do, those of Node read the variables that
 * they are given. Each attempt is one request; {@link withRetries} makes the next.
 */
export async function clientConfig({ region, profile, endpoint, proxies = {} }: AwsConnection) {
  const [http, https] = await Promise.all([import('node:http'), import('node:https')]);
  const agent = { keepAlive: true, proxyEnv: proxies };
  // Whatever NODE_TLS_REJECT_UNAUTHORIZED says: checksums and keys are believed because of who answers.
  const secure = { ...agent, rejectUnauthorized: true };
  return {
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(endpoint === undefined ? {} : { endpoint }),
    maxAttempts: 1,
    requestHandler: {
      httpAgent: receiveInPlace(new http.Agent(agent), PIECE_BYTES),
      httpsAgent: receiveInPlace(new https.Agent(secure), RECORD_BYTES),
    },
  };
}

/** The retries of a connection, with the defaults filled in. */
export function retryOptions({ retries = {} }: AwsConnection): RetryOptions {
  return { ...DEFAULT_RETRIES, ...retries };
}
