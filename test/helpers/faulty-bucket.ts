import { openStore } from '../../src/store/index.ts';
import type { FaultBed } from './fault-acts.ts';
import { FaultProxy } from './fault-proxy.ts';
import { S3Bench } from './s3.ts';

/** A bucket behind a proxy that spoils requests. */
export async function openFaultyBucket(): Promise<FaultBed> {
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
}
