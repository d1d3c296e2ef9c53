import assert from 'node:assert/strict';
import { DEFAULT_RETRIES, type Retry, type RetryOptions, withRetries } from '../../src/aws/index.ts';
import { mlsignError } from '../helpers/keys.ts';

/** Runs attempts that fail in the ways given, then succeed. */
async function run(failures: readonly ('throttled' | 'transient' | 'settling' | undefined)[], options: Partial<RetryOptions> = {}) {
  const waits: number[] = [];
  const retries: Retry[] = [];
  let made = 0;
  const result = await withRetries(
    'kms:Sign',
    async () => {
      const failure = failures[made++];
      if (made <= failures.length) throw new Error(String(failure));
      return 'done';
    },
    {
      ...DEFAULT_RETRIES,
      random: () => 1,
      wait: async (ms) => void waits.push(ms),
      onRetry: (retry) => retries.push(retry),
      ...options,
    },
    (error) => ({ passing: failures[made - 1], reason: String(error) }),
    ({ attempts }) => new Error(`given up after ${attempts}`),
  ).catch((error: unknown) => String(error));
  return { result, waits, retries, made };
}

describe('retries', () => {
  it('make one attempt where nothing fails', async () => {
    assert.deepEqual(await run([]), { result: 'done', waits: [], retries: [], made: 1 });
  });

  it('wait twice as long each time, and tell why', async () => {
    const { result, waits, retries } = await run(['transient', 'transient', 'throttled', 'throttled']);
    assert.equal(result, 'done');
    assert.deepEqual(waits, [200, 400, 2000, 4000]);
    assert.deepEqual(retries[0], { action: 'kms:Sign', reason: 'Error: transient', attempt: 1, waitMs: 200 });
    assert.deepEqual((await run(['transient'], { random: () => 0 })).waits, [100]);
    assert.deepEqual((await run(Array(4).fill('throttled'), { maxMs: 600 })).waits, [500, 600, 600, 600]);
  });

  it('come to an end: five attempts, three where something may have to settle, one where it would not help', async () => {
    assert.deepEqual((({ result, made }) => ({ result, made }))(await run(Array(9).fill('throttled'))), {
      result: 'Error: given up after 5',
      made: 5,
    });
    assert.equal((await run(Array(9).fill('settling'))).made, 3);
    assert.equal((await run([undefined])).result, 'Error: given up after 1');
  });

  it('stop waiting when interrupted, and make no attempt after it', async () => {
    const controller = new AbortController();
    let made = 0;
    const running = withRetries(
      'kms:Sign',
      async () => {
        made++;
        throw new Error('again');
      },
      { ...DEFAULT_RETRIES, baseMs: { throttled: 60_000, transient: 60_000, settling: 60_000 }, maxMs: 60_000 },
      () => ({ passing: 'transient', reason: 'x' }),
      () => new Error('given up'),
      controller.signal,
    );
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(running, mlsignError('interrupted', 'interrupted'));
    assert.equal(made, 1);
  });
});
