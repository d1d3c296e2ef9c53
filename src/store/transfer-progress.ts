import type { OnProgress } from '../core/index.ts';

const EVERY_MS = 100;

/** Tells how far a transfer is, while work goes on, and once at its end. */
export async function withProgress<T>(
  sizes: readonly number[],
  onProgress: OnProgress | undefined,
  work: (progress: TransferProgress) => Promise<T>,
): Promise<T> {
  const progress = new TransferProgress(sizes);
  if (onProgress === undefined) return await work(progress);
  const timer = setInterval(() => onProgress(progress), EVERY_MS).unref();
  try {
    const result = await work(progress);
    onProgress(progress);
    return result;
  } finally {
    clearInterval(timer);
  }
}

/** What is done of a transfer. */
export class TransferProgress {
  bytesDone = 0;
  filesDone = 0;
  readonly bytesTotal: number;
  readonly filesTotal: number;

  constructor(sizes: readonly number[]) {
    this.bytesTotal = sizes.reduce((sum, size) => sum + size, 0);
    this.filesTotal = sizes.length;
  }
}
