import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import type { StoreConnection } from '../../src/aws/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { REGION, ROOT } from '../servers/credentials.ts';
import type { Ended } from './clients.ts';
import { runMlsign } from './clients.ts';
import { environment, NOWHERE, ROOT_VARIABLES } from './environment.ts';

/** The servers of S3 that run. */
export const S3_SERVERS = ['minio', 'versitygw'] as const;
export type S3ServerName = (typeof S3_SERVERS)[number];

/** A bucket of a suite's own, and a plain client that knows nothing of mlsign. */
export class Bucket {
  readonly server: S3ServerName;
  readonly name: string;
  readonly client: S3Client;

  private constructor(server: S3ServerName, name: string, client: S3Client) {
    this.server = server;
    this.name = name;
    this.client = client;
  }

  /** Makes one that keeps versions, unless told otherwise; `lock` lets objects be locked. */
  static async make(server: S3ServerName, options: { readonly lock?: boolean; readonly versioned?: boolean } = {}): Promise<Bucket> {
    const name = `models-${randomBytes(5).toString('hex')}`;
    const client = plainClient(endpointOf(server));
    await client.send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: options.lock ?? false }));
    if (options.versioned ?? true) {
      const versioning = { Bucket: name, VersioningConfiguration: { Status: 'Enabled' as const } };
      await client.send(new PutBucketVersioningCommand(versioning));
    }
    return new Bucket(server, name, client);
  }

  /** `s3://bucket/…` */
  url(path: string): string {
    return `s3://${this.name}/${path}`;
  }

  /** Every key below a prefix and its bytes, as a loader that knows of no versions gets them. */
  async readAll(prefix: string): Promise<ReadonlyMap<string, Buffer>> {
    const found = new Map<string, Buffer>();
    let token: string | undefined;
    do {
      const page = await this.client.send(new ListObjectsV2Command({ Bucket: this.name, Prefix: prefix, ContinuationToken: token }));
      for (const { Key } of page.Contents ?? []) {
        const { Body } = await this.client.send(new GetObjectCommand({ Bucket: this.name, Key }));
        if (Key !== undefined && Body !== undefined) found.set(Key.slice(prefix.length), Buffer.from(await Body.transformToByteArray()));
      }
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return found;
  }

  /** The store of mlsign, in this process. */
  store(connection: StoreConnection = {}): Promise<Store> {
    return openStore({ kind: 's3', bucket: this.name }, { endpoint: endpointOf(this.server), region: REGION, ...connection });
  }

  /** Runs mlsign against this server as somebody, root unless told otherwise. */
  mlsign(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return runMlsign(args, { ...this.variables(), ...variables });
  }

  /** What tells mlsign, or any program of AWS, where the server is. */
  variables(endpoint = endpointOf(this.server)): Readonly<Record<string, string>> {
    const ca = this.server === 'minio' ? { NODE_EXTRA_CA_CERTS: environment().minioCa } : {};
    return { ...NOWHERE, ...ROOT_VARIABLES, ...ca, AWS_REGION: REGION, AWS_ENDPOINT_URL_S3: endpoint };
  }
}

/** Where a server is. */
export function endpointOf(server: S3ServerName): string {
  return environment().urls[server];
}

/** A client of the SDK, as anybody would make it. */
export function plainClient(endpoint: string): S3Client {
  return new S3Client({ endpoint, region: REGION, forcePathStyle: true, credentials: ROOT });
}
