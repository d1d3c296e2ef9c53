import { throwIfAborted } from '../core/index.ts';

/** Small objects that are read at a time. */
export const READS_AT_A_TIME = 8;

/** Does the work for each item, so many at a time; the results are in the order of the items. */
export async function mapBounded<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  signal?: AbortSignal,
  atATime: number = READS_AT_A_TIME,
): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  let isFailed = false;
  const worker = async (): Promise<void> => {
    while (!isFailed) {
      const index = next++;
      const item = items[index];
      if (index >= items.length || item === undefined) return;
      try {
        throwIfAborted(signal);
        results[index] = await work(item, index);
      } catch (error) {
        isFailed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, items.length) }, worker));
  return results;
}
