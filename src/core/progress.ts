/** How far a long operation is. Totals grow while files are still being found. */
export interface Progress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly filesDone: number;
  readonly filesTotal: number;
}

/** Called at most every 100 ms, and once at the end. */
export type OnProgress = (progress: Progress) => void;
