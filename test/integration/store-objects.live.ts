import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { type Retry, S3Client } from '../../src/aws/index.ts';
import { sha256Hex } from '../../src/core/index.ts';
import { identityOf } from '../../src/digest/index.ts';
import type { HistoryEntry, Store } from '../../src/store/index.ts';
import { FaultProxy } from '../helpers/fault-proxy.ts';
import { mlsignError } from '../helpers/keys.ts';
import { base64Sha256 } from '../helpers/s3-caller.ts';
import { REGION } from '../servers/credentials.ts';
import { useBench } from './bench.ts';
import { environment, useRoot } from './environment.ts';
import { Bucket, endpointOf, S3_SERVERS } from './stores.ts';

/** More than one answer lists. */
const MANY = 1100;
const DAY = 86_400_000;

for (const server of S3_SERVERS) {
  describe(`objects on ${server}`, () => {
    useRoot();
    const bench = useBench();
    let bucket: Bucket;
    let store: Store;
    before(async () => {
      bucket = await Bucket.make(server, { lock: true });
      store = await bucket.store();
    });
    after(() => store?.close());

    it('that are locked are not removed, and it is said why', async () => {
      const until = new Date(Date.now() + DAY);
      for (const attributes of [{ retention: { mode: 'COMPLIANCE', until } }, { legalHold: true }] as const) {
        const written = await store.write(`locked/${Object.keys(attributes)}`, Buffer.from('x'), 'absent', attributes);
        assert.ok(written);
        await assert.rejects(store.remove(written), mlsignError('object-locked', /retention or a legal hold/));
        assert.deepEqual(await store.current(written.key), written);
      }
    });

    it('are refused where their bytes are not those of the signed checksum', async () => {
      const reasons: string[] = [];
      const retries = { wait: async () => undefined, onRetry: ({ reason }: Retry) => reasons.push(reason) };
      const s3 = new S3Client({ endpoint: endpointOf(server), region: REGION, pathStyle: true, retries });
      const put = s3.call({ action: 's3:PutObject', subject: 'wrong' }, ({ client, sdk, abortSignal }) => {
        const input = { Bucket: bucket.name, Key: 'wrong', Body: Buffer.from('x'), ChecksumSHA256: base64Sha256('y') };
        return client.send(new sdk.PutObjectCommand(input), { abortSignal });
      });
      await assert.rejects(put);
      const [reason = ''] = reasons;
      assert.match(reason, /^(BadDigest|XAmzContentChecksumMismatch|XAmzContentSHA256Mismatch)$/);
      assert.equal(await store.current('wrong'), undefined);
      await s3.close();
    });

    it('are all listed, in order, however many answers that takes', async () => {
      const keys = Array.from({ length: MANY }, (_, i) => `many/${String(i).padStart(5, '0')}`);
      const queue = [...keys];
      const put = async (): Promise<void> => {
        for (let Key = queue.pop(); Key !== undefined; Key = queue.pop()) {
          await bucket.client.send(new PutObjectCommand({ Bucket: bucket.name, Key, Body: Key }));
        }
      };
      await Promise.all(Array.from({ length: 8 }, put));
      const listed: HistoryEntry[] = [];
      for await (const entry of store.history('many/')) listed.push(entry);
      assert.deepEqual(
        listed.map(({ key }) => key),
        keys,
      );
    });

    it('of several parts are there once, where the answer to the last request was lost', async () => {
      const options = server === 'minio' ? { ca: readFileSync(environment().minioCa, 'utf8') } : {};
      const proxy = await FaultProxy.start(endpointOf(server), options);
      const retries = { wait: async () => undefined };
      const behind = await bucket.store({ endpoint: proxy.endpoint, retries });
      try {
        const data = randomBytes(17 * 1024 * 1024);
        const path = await bench().file('big.bin', data);
        const file = {
          key: 'completed/big.bin',
          path,
          identity: identityOf(await stat(path)),
          signed: { algorithm: 'sha256', digests: [sha256Hex(data)] },
        } as const;
        const isComplete = ({ method, url }: { readonly method: string; readonly url: string }): boolean =>
          method === 'POST' && url.includes('uploadId=');
        proxy.fail(isComplete, { kind: 'reset-after' }, { times: 1 });
        const [uploaded] = await behind.upload([file], {});
        assert.ok(proxy.requests.filter(isComplete).length === 2);
        const versions: HistoryEntry[] = [];
        for await (const entry of store.history(file.key)) versions.push(entry);
        assert.deepEqual(
          versions.map(({ version, size }) => ({ version, size })),
          [{ version: uploaded?.version, size: data.length }],
        );
        assert.deepEqual(await store.abandonedUploads('completed/'), []);
      } finally {
        await behind.close();
        await proxy.stop();
      }
    });
  });
}
