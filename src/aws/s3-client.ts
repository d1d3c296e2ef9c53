import type { S3Client as SdkClient } from '@aws-sdk/client-s3';
import { interrupted } from '../core/index.ts';
import type { AwsCall } from './aws-errors.ts';
import { type AwsConnection, clientConfig, retryOptions } from './clients.ts';
import { AttemptTimeout } from './failure.ts';
import { withRetries } from './retry.ts';
import { judgeS3Failure, s3Error } from './s3-errors.ts';
import { addMiddleware } from './s3-middleware.ts';

/**
 * The SDK of S3, as it is when it is loaded.
 *
 * @internal the types of the package stand alone
 */
type S3Sdk = typeof import('@aws-sdk/client-s3');

/** What an attempt works with. */
export interface S3Attempt {
  /** @internal */
  readonly client: SdkClient;
  /** @internal */
  readonly sdk: S3Sdk;
  readonly abortSignal: AbortSignal;
  /** Says that bytes moved: the time for the attempt begins anew. */
  readonly alive: () => void;
  /** From 1. */
  readonly number: number;
}

/** How a bucket is reached. */
export interface StoreConnection extends AwsConnection {
  /** `https://host/bucket/key` instead of `https://bucket.host/key`, for servers that have no names for buckets. */
  readonly pathStyle?: boolean | undefined;
  /** The account (12 digits) that the bucket must belong to: sent with every request, which S3 refuses otherwise. */
  readonly expectedBucketOwner?: string | undefined;
}

/** Time in which something must move, in milliseconds. */
export const S3_TIMEOUT_MS = 30_000;

const AWS_HOST = /^(?:[a-z0-9.-]+\.)?s3[a-z0-9.-]*\.amazonaws\.com(?:\.cn)?$/;

/** A connection to S3. The SDK is loaded by the first call. */
export class S3Client {
  readonly #connection: StoreConnection;
  #loaded: Promise<{ readonly client: SdkClient; readonly sdk: S3Sdk }> | undefined;

  constructor(connection: StoreConnection) {
    this.#connection = connection;
  }

  /**
   * Makes one call, again where that may help. An attempt has time until nothing has moved for {@link StoreConnection.timeoutMs}.
   *
   * @param patience how many times as long it may take: S3 copies and completes large objects before it answers
   * @throws MlsignError what {@link s3Error} gives; `interrupted`
   * @internal
   */
  async call<T>(
    call: AwsCall,
    request: (attempt: S3Attempt) => Promise<T>,
    options: { readonly signal?: AbortSignal | undefined; readonly patience?: number } = {},
  ): Promise<T> {
    const { signal, patience = 1 } = options;
    let number = 0;
    return withRetries(
      call.action,
      () => this.#attempt(request, ++number, (this.#connection.timeoutMs ?? S3_TIMEOUT_MS) * patience, signal),
      retryOptions(this.#connection),
      judgeS3Failure,
      async ({ error, attempts }) => s3Error(error, { ...call, secrets: await this.#secrets() }, attempts),
      signal,
    );
  }

  /** Where requests for a bucket go: to AWS itself over https, at a host that nobody configured, or where else. */
  async endpointOf(bucket: string, signal?: AbortSignal): Promise<{ readonly isAws: boolean; readonly url: string }> {
    return this.call(
      { action: 's3:GetObject', subject: `s3://${bucket}` },
      async ({ client, sdk }) => {
        const command = new sdk.HeadBucketCommand({ Bucket: bucket });
        let url = new URL('http://unknown.invalid');
        // Nothing is sent: the host is known before.
        command.middlewareStack.add(
          () => async (args) => {
            url = urlOf(args.request) ?? url;
            return { response: undefined, output: { $metadata: {} } };
          },
          { step: 'build', priority: 'low', name: 'whereTo' },
        );
        await client.send(command);
        const { isCustomEndpoint = false, endpoint } = client.config;
        const custom = isCustomEndpoint && endpoint !== undefined ? urlOf(await endpoint()) : undefined;
        return { isAws: !isCustomEndpoint && url.protocol === 'https:' && AWS_HOST.test(url.hostname), url: (custom ?? url).href };
      },
      { signal },
    );
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    const loaded = await this.#loaded?.catch(() => undefined);
    loaded?.client.destroy();
  }

  async #attempt<T>(
    request: (attempt: S3Attempt) => Promise<T>,
    number: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { client, sdk } = await this.#load();
    const controller = new AbortController();
    const stopped = Promise.withResolvers<never>();
    stopped.promise.catch(() => undefined);
    const stop = (reason: Error) => {
      stopped.reject(reason);
      controller.abort(reason);
    };
    const onAbort = () => stop(interrupted());
    const timer = setTimeout(() => stop(new AttemptTimeout()), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    try {
      const alive = () => void timer.refresh();
      return await Promise.race([request({ client, sdk, abortSignal: controller.signal, alive, number }), stopped.promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #load() {
    this.#loaded ??= this.#create();
    return this.#loaded;
  }

  async #create() {
    const { pathStyle = false, expectedBucketOwner } = this.#connection;
    const [sdk, config] = await Promise.all([import('@aws-sdk/client-s3'), clientConfig(this.#connection)]);
    const client = new sdk.S3Client({
      ...config,
      forcePathStyle: pathStyle,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // Waiting for leave to send each part would cost a round trip and a new connection a part.
      expectContinueHeader: false,
      // It would warn on the console that it does not repeat a body: we do.
      logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    });
    addMiddleware(client, expectedBucketOwner);
    return { client, sdk };
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

function ignore(): void {}

function urlOf(place: unknown): URL | undefined {
  if (typeof place !== 'object' || place === null || !('hostname' in place) || !('protocol' in place)) return undefined;
  const { protocol, hostname } = place;
  const port = 'port' in place && typeof place.port === 'number' ? `:${place.port}` : '';
  return URL.parse(`${protocol}//${hostname}${port}`) ?? undefined;
}
