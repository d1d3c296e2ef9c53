import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ACTS } from '../helpers/fault-acts.ts';
import { FaultProxy } from '../helpers/fault-proxy.ts';
import { describeFaults } from '../helpers/fault-suite.ts';
import { environment, useRoot } from './environment.ts';
import { Bucket, endpointOf } from './stores.ts';

const MIB = 1024 * 1024;

describe('faults between mlsign and MinIO', function () {
  this.timeout(600_000);
  useRoot();
  const open = async () => {
    const bucket = await Bucket.make('minio');
    const proxy = await FaultProxy.start(endpointOf('minio'), { ca: readFileSync(environment().minioCa, 'utf8') });
    const direct = await bucket.store();
    return {
      bucket: bucket.name,
      proxy,
      direct,
      variables: bucket.variables(proxy.endpoint),
      connect: (attempts: number) =>
        bucket.store({
          endpoint: proxy.endpoint,
          // Longer than an honest answer takes here, on a busy machine too.
          timeoutMs: 1000,
          retries: { attempts, settlingAttempts: attempts, wait: async () => undefined },
        }),
      readAll: (prefix: string) => bucket.readAll(prefix),
      close: async () => {
        await direct.close();
        await proxy.stop();
        bucket.client.destroy();
      },
    };
  };

  describeFaults('of small files', open, {
    models: [
      { 'config.json': randomBytes(50), 'weights/a + b.bin': randomBytes(40_000), 'empty.txt': Buffer.alloc(0) },
      { 'config.json': randomBytes(51) },
    ],
    acts: ACTS,
    isExhaustive: true,
    kills: ACTS.flatMap((act) => [[act, 'before'] as const, [act, 'after'] as const]),
  });
  describeFaults('of a file of several parts', open, {
    models: [{ 'model.safetensors': randomBytes(17 * MIB) }, { 'config.json': randomBytes(51) }],
    shardSize: 8 * MIB,
    acts: ['push', 'resume', 'pull'],
    isExhaustive: false,
    kills: [['resume', 'after']],
  });
});
