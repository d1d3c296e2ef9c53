import type { KMSClient } from '@aws-sdk/client-kms';
import { usage } from '../core/index.ts';
import { type AwsCall, awsError } from './aws-errors.ts';
import { type AwsConnection, clientConfig, DEFAULT_TIMEOUT_MS, MAX_ANSWER_BYTES, retryOptions } from './clients.ts';
import { AttemptTimeout, judgeAwsFailure } from './failure.ts';
import { isBytes, limited } from './limited-body.ts';
import { type Failure, withRetries } from './retry.ts';

/**
 * The SDK of KMS, as it is when it is loaded.
 *
 * @internal the types of the package stand alone
 */
export type KmsSdk = typeof import('@aws-sdk/client-kms');

/**
 * Sends one command through the SDK.
 *
 * @internal
 */
export type KmsRequest<T> = (client: KMSClient, sdk: KmsSdk, abortSignal: AbortSignal) => Promise<T>;

/** How a KMS client is made. */
export interface KmsConnection extends AwsConnection {
  /**
   * Refuse an endpoint that the environment or the profile puts in the place of AWS: whoever answers decides which key is
   * trusted, so that only an endpoint that was asked for by name will do.
   */
  readonly refuseConfiguredEndpoint?: boolean | undefined;
}

/** A connection to KMS. The SDK is loaded by the first call. */
export class KmsClient {
  readonly #connection: KmsConnection;
  #loaded: Promise<{ readonly client: KMSClient; readonly sdk: KmsSdk }> | undefined;

  constructor(connection: KmsConnection) {
    this.#connection = connection;
  }

  /**
   * Makes one call, again where that may help.
   *
   * @param judge tells which failures may pass
   * @throws MlsignError what {@link awsError} gives; `kms-endpoint-configured`; `interrupted`
   * @internal
   */
  async call<T>(
    call: AwsCall,
    request: KmsRequest<T>,
    options: { readonly signal?: AbortSignal | undefined; readonly judge?: (error: unknown) => Failure } = {},
  ): Promise<T> {
    const { signal, judge = judgeAwsFailure } = options;
    return withRetries(
      call.action,
      () => this.#attempt(request, signal),
      retryOptions(this.#connection),
      judge,
      async ({ error, attempts }) => awsError(error, { ...call, secrets: await this.#secrets() }, attempts),
      signal,
    );
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const loaded = await this.#loaded?.catch(() => undefined);
    loaded?.client.destroy();
  }

  async #attempt<T>(request: KmsRequest<T>, signal: AbortSignal | undefined): Promise<T> {
    const { client, sdk } = await this.#load();
    const timer = AbortSignal.timeout(this.#connection.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    const either = signal === undefined ? timer : AbortSignal.any([signal, timer]);
    try {
      return await Promise.race([request(client, sdk, either), aborted(either)]);
    } catch (error) {
      if (!timer.aborted) throw error;
      // An answer that never ends would keep its socket, and with it the process.
      client.destroy();
      throw new AttemptTimeout();
    }
  }

  #load() {
    this.#loaded ??= import('@aws-sdk/client-kms').then(async (sdk) => {
      const client = new sdk.KMSClient(await clientConfig(this.#connection));
      limitAnswers(client);
      if (this.#connection.refuseConfiguredEndpoint && this.#connection.endpoint === undefined) insistOnAws(client);
      return { client, sdk };
    });
    return this.#loaded;
  }

  /** What must not be shown: a hostile endpoint can repeat what it was sent. */
  async #secrets(): Promise<readonly string[]> {
    try {
      const { client } = await this.#load();
      const { secretAccessKey, sessionToken } = await client.config.credentials();
      return [secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])];
    } catch {
      return [];
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function limitAnswers(client: KMSClient): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { response } = result;
      if (typeof response === 'object' && response !== null && 'body' in response && isBytes(response.body)) {
        const { Readable } = await import('node:stream');
        response.body = Readable.from(limited(response.body, MAX_ANSWER_BYTES));
      }
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'limitAnswers' },
  );
}

function insistOnAws(client: KMSClient): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const { config } = client;
      const [Region, UseDualStack, UseFIPS] = await Promise.all([config.region(), config.useDualstackEndpoint(), config.useFipsEndpoint()]);
      const { url } = config.endpointProvider({ Region, UseDualStack, UseFIPS });
      const { request } = args;
      const isAws = typeof request === 'object' && request !== null && 'hostname' in request && request.hostname === url.hostname;
      if (!isAws) {
        throw usage('kms-endpoint-configured', 'the environment or the profile names an endpoint of its own for KMS', {
          expected: url.hostname,
          got: typeof request === 'object' && request !== null && 'hostname' in request ? String(request.hostname) : undefined,
          suggestions: [
            'whoever answers there would decide which key is trusted: ask for it by --kms-endpoint-url, or unset AWS_ENDPOINT_URL',
          ],
        });
      }
      return next(args);
    },
    { step: 'build', name: 'insistOnAws' },
  );
}
