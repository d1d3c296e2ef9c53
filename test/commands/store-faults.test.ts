import { randomBytes } from 'node:crypto';
import { openStore } from '../../src/store/index.ts';
import { ACTS } from '../helpers/fault-acts.ts';
import { FaultProxy } from '../helpers/fault-proxy.ts';
import { describeFaults } from '../helpers/fault-suite.ts';
import { S3Bench } from '../helpers/s3.ts';

describe('faults between mlsign and a bucket', function () {
  this.timeout(60_000);
  const open = async () => {
    const bench = await S3Bench.start();
    const proxy = await FaultProxy.start(bench.server.endpoint);
    const connect = (endpoint: string, attempts: number) =>
      openStore(
        { kind: 's3', bucket: bench.bucket },
        bench.connection({
          endpoint,
          timeoutMs: 300,
          retries: { attempts, settlingAttempts: attempts, wait: async () => undefined },
        }),
      );
    const direct = await connect(bench.server.endpoint, 1);
    return {
      bucket: bench.bucket,
      proxy,
      direct,
      variables: { ...bench.environment(), AWS_ENDPOINT_URL_S3: proxy.endpoint },
      connect: (attempts: number) => connect(proxy.endpoint, attempts),
      readAll: async (prefix: string) => {
        const keys = bench.behind.keys(prefix);
        return new Map(await Promise.all(keys.map(async (key) => [key.slice(prefix.length), await bench.behind.read(key)] as const)));
      },
      close: async () => {
        await direct.close();
        await proxy.stop();
        await bench.stop();
      },
    };
  };

  describeFaults('of small files', open, {
    models: [{ 'config.json': randomBytes(50), 'weights.bin': randomBytes(40_000) }, { 'config.json': randomBytes(51) }],
    acts: ACTS,
    isExhaustive: false,
    kills: [['push', 'after']],
  });
});
