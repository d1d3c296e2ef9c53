import { randomBytes, randomFillSync } from 'node:crypto';
import { closeSync, linkSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { CreateBucketCommand, PutBucketPolicyCommand, PutBucketVersioningCommand, S3Client } from '@aws-sdk/client-s3';
import { openStore } from '../src/store/index.ts';
import { REGION, ROOT } from '../test/servers/credentials.ts';
import { run } from './measure.ts';

const MIB = 2 ** 20;
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** Tells mlsign, the SDK, the AWS CLI and this process where the server is. */
export function setEnvironment(endpoint: string, ca: string, state: string): void {
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: ROOT.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ROOT.secretAccessKey,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_CA_BUNDLE: ca,
    NODE_EXTRA_CA_CERTS: ca,
    XDG_STATE_HOME: state,
  });
  // Node reads the variable when it starts: this process has.
  setDefaultCACertificates([...getCACertificates(), readFileSync(ca, 'utf8')]);
}

/** Makes a bucket that keeps versions, of which anybody may read what is called `public`. The authority is that of the server. */
export async function makeBucket(Bucket: string): Promise<void> {
  const client = new S3Client({ forcePathStyle: true });
  const Statement = [{ Effect: 'Allow', Principal: '*', Action: ['s3:GetObject'], Resource: [`arn:aws:s3:::${Bucket}/public`] }];
  await client.send(new CreateBucketCommand({ Bucket }));
  await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  await client.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }));
  client.destroy();
}

/** Makes a model of one large file, the same signed in shards of 16 MiB, and one of many small files. */
export function makeModels(folder: string, mlsign: string, { mib, files }: { readonly mib: number; readonly files: number }) {
  const [large, sharded, small, key] = ['large', 'sharded', 'small', 'key'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  const file = join(large, 'model.safetensors');
  for (const path of [large, sharded, small]) mkdirSync(path);
  const chunk = Buffer.alloc(MIB);
  const handle = openSync(file, 'w');
  for (let i = 0; i < mib; i++) writeSync(handle, randomFillSync(chunk));
  closeSync(handle);
  linkSync(file, join(sharded, 'model.safetensors'));
  for (let i = 0; i < files; i++) {
    const vocabulary = randomBytes(500 + (i % 40) * 100).toString('hex');
    writeFileSync(join(small, `file-${i}.json`), JSON.stringify({ vocabulary }));
  }
  const command = (...args: readonly string[]) =>
    run({ label: args.join(' '), command: process.execPath, args: [mlsign, ...args, '--quiet'] });
  command('keygen', key);
  for (const model of [large, small]) command('sign', model, '--key', key);
  command('sign', sharded, '--key', key, '--method', 'shards', '--shard-size', '16MiB');
  return { large, sharded, file, small, key };
}

/** How long it takes to attest a simulated model of 1 TiB: twenty objects, 65,540 parts. */
export async function attestedSeconds(endpoint: string): Promise<number> {
  const store = await openStore({ kind: 's3', bucket: 'sink' }, { endpoint, pathStyle: true });
  const count = 3277;
  const object = { size: count * 16 * MIB, partSize: 16 * MIB, parts: new Array<string>(count).fill(EMPTY) };
  const written = await store.write(`${count}`, Buffer.alloc(0), 'absent');
  if (written === undefined) throw new Error('the sink does not take what is sent');
  const start = performance.now();
  for (let i = 0; i < 20; i++) {
    const { kind } = await store.attest({ ...written, ...object });
    if (kind !== 'attested') throw new Error(`the sink's object is ${kind}`);
  }
  await store.close();
  return (performance.now() - start) / 1000;
}
