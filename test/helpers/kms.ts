import { writeFileSync } from 'node:fs';
import { KmsClient, type KmsConnection, type Retry } from '../../src/aws/index.ts';
import { KmsServer, type KmsServerOptions } from './kms-server.ts';
import { Sandbox } from './sandbox.ts';
import type { AwsPrincipal } from './sigv4.ts';

/** Variables by which the environment of the caller could speak to the SDK. */
const FOREIGN = /^(AWS_|HTTPS?_PROXY$|NO_PROXY$|https?_proxy$|no_proxy$)/;

/** A KMS server, the credentials of those who use it, and clients that find them as any user's client does. */
export class KmsBench {
  readonly server: KmsServer;
  readonly sandbox: Sandbox;
  /** What was tried again, by every client made here. */
  readonly retries: Retry[] = [];
  readonly #clients: KmsClient[] = [];
  readonly #environment = { ...process.env };

  private constructor(server: KmsServer) {
    this.server = server;
    this.sandbox = new Sandbox();
    for (const name of Object.keys(process.env)) if (FOREIGN.test(name)) delete process.env[name];
    Object.assign(process.env, this.environment());
  }

  static async start(options: KmsServerOptions = {}): Promise<KmsBench> {
    const bench = new KmsBench(await KmsServer.start(options));
    bench.writeProfiles();
    return bench;
  }

  /** The variables with which a process finds the profiles. */
  environment(): Record<string, string> {
    return {
      AWS_CONFIG_FILE: this.sandbox.path('config'),
      AWS_SHARED_CREDENTIALS_FILE: this.sandbox.path('credentials'),
      AWS_EC2_METADATA_DISABLED: 'true',
    };
  }

  /** Adds someone who may call the server, as a profile of that name. */
  addPrincipal(name: string, allow: readonly string[], more: Partial<AwsPrincipal> = {}): AwsPrincipal {
    const number = String(this.server.principals.length).padStart(4, '0');
    const principal = {
      accessKeyId: `AKIATEST${number}`,
      secretAccessKey: `secret-of-${name}-${number}`,
      arn: `arn:aws:iam::111122223333:user/${name}`,
      allow,
      ...more,
    };
    this.server.principals.push(principal);
    this.writeProfiles();
    return principal;
  }

  /** Writes one profile for each principal; the first is the default. */
  writeProfiles(): void {
    const profiles = this.server.principals.map(({ arn, accessKeyId, secretAccessKey, sessionToken }, index) => {
      const name = index === 0 ? 'default' : arn.slice(arn.lastIndexOf('/') + 1);
      const token = sessionToken === undefined ? '' : `aws_session_token = ${sessionToken}\n`;
      return `[${name}]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n${token}`;
    });
    writeFileSync(this.sandbox.path('credentials'), profiles.join('\n'));
    const names = this.server.principals.map(({ arn }, index) =>
      index === 0 ? 'default' : `profile ${arn.slice(arn.lastIndexOf('/') + 1)}`,
    );
    writeFileSync(this.sandbox.path('config'), names.map((name) => `[${name}]\nregion = ${this.server.region}\n`).join('\n'));
  }

  /** A client of the server that waits for nothing between attempts. */
  client(connection: KmsConnection = {}): KmsClient {
    const client = new KmsClient({
      region: this.server.region,
      endpoint: this.server.endpoint,
      timeoutMs: 5000,
      ...connection,
      retries: { wait: async () => undefined, onRetry: (retry) => this.retries.push(retry), ...connection.retries },
    });
    this.#clients.push(client);
    return client;
  }

  /** Ends everything; fails where the server saw something that KMS does not know. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    for (const name of Object.keys(process.env)) if (!(name in this.#environment)) delete process.env[name];
    Object.assign(process.env, this.#environment);
    this.sandbox.remove();
    await this.server.stop();
  }
}
