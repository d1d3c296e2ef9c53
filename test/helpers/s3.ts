import type { StoreConnection } from '../../src/aws/index.ts';
import { S3_ADMIN, S3Server, type S3ServerOptions } from './s3-server.ts';
import type { BucketOptions } from './s3-server-bucket.ts';
import type { S3Tampering } from './s3-server-tampering.ts';
import type { AwsPrincipal } from './sigv4.ts';

/** Variables by which the environment of the caller could speak to the SDK. */
const FOREIGN = /^(AWS_|HTTPS?_PROXY$|NO_PROXY$|https?_proxy$|no_proxy$)/;

/** An S3 server with one versioned bucket, and what clients need to reach it. */
export class S3Bench {
  readonly server: S3Server;
  readonly bucket: string;
  /** What others do behind the API. */
  readonly behind: S3Tampering;
  readonly #environment = { ...process.env };

  private constructor(server: S3Server, bucket: string, options: BucketOptions) {
    this.server = server;
    this.bucket = bucket;
    server.addBucket(bucket, options);
    this.behind = server.behind(bucket);
    for (const name of Object.keys(process.env)) if (FOREIGN.test(name)) delete process.env[name];
    Object.assign(process.env, this.environment());
  }

  /** Until {@link S3Bench.stop}, this process has the credentials of the administrator, and no others. */
  static async start({
    bucket = 'models',
    ...options
  }: S3ServerOptions & BucketOptions & { readonly bucket?: string } = {}): Promise<S3Bench> {
    return new S3Bench(await S3Server.start(options), bucket, options);
  }

  /** The location of something in the bucket. */
  url(path = ''): string {
    return `s3://${this.bucket}${path === '' ? '' : `/${path}`}`;
  }

  /** Connection settings as flags give them. */
  connection(more: StoreConnection = {}): StoreConnection {
    return { region: this.server.region, endpoint: this.server.endpoint, ...more };
  }

  /** The variables with which a process finds the server and speaks for somebody. */
  environment(principal: AwsPrincipal = S3_ADMIN): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: principal.accessKeyId,
      AWS_SECRET_ACCESS_KEY: principal.secretAccessKey,
      ...(principal.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: principal.sessionToken }),
      AWS_REGION: this.server.region,
      AWS_ENDPOINT_URL_S3: this.server.endpoint,
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    };
  }

  /** Runs something with the credentials of somebody else. */
  async as<T>(principal: AwsPrincipal, run: () => Promise<T>): Promise<T> {
    Object.assign(process.env, this.environment(principal));
    try {
      return await run();
    } finally {
      delete process.env.AWS_SESSION_TOKEN;
      Object.assign(process.env, this.environment());
    }
  }

  /** Ends the server; fails where it saw something that S3 does not know. */
  async stop(): Promise<void> {
    for (const name of Object.keys(process.env)) if (!(name in this.#environment)) delete process.env[name];
    Object.assign(process.env, this.#environment);
    await this.server.stop();
  }
}
