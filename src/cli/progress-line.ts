import type { OnProgress, Progress } from '../core/index.ts';
import { formatBytes, formatDuration } from '../report/index.ts';

/** Where progress goes; a terminal gets one line that is rewritten, anything else a plain line every ten seconds. */
export interface ProgressStream {
  readonly isTTY: boolean;
  readonly columns: number;
  write(text: string): void;
}

const FIRST_MS = 300;
const PLAIN_MS = 10_000;

/** Shows how far an operation is. Short operations show nothing. */
export class ProgressLine {
  readonly #doing: string;
  readonly #stream: ProgressStream;
  readonly #started = performance.now();
  #lastPlain = this.#started;
  #shown = false;

  /** @param doing in one word: `hashing` */
  constructor(doing: string, stream: ProgressStream) {
    this.#doing = doing;
    this.#stream = stream;
  }

  readonly update: OnProgress = (progress) => {
    const now = performance.now();
    if (this.#stream.isTTY) {
      if (now - this.#started < FIRST_MS) return;
      this.#shown = true;
      this.#stream.write(`\r\x1b[K${progressText(this.#doing, progress, now - this.#started).slice(0, this.#stream.columns - 1)}`);
    } else if (now - this.#lastPlain >= PLAIN_MS) {
      this.#lastPlain = now;
      this.#stream.write(`${progressText(this.#doing, progress, now - this.#started)}\n`);
    }
  };

  /** Takes the line away again. */
  clear(): void {
    if (this.#shown) this.#stream.write('\r\x1b[K');
    this.#shown = false;
  }
}

/** `hashing  1.2 GB of 8.6 GB  14 %  1.9 GB/s  4 s left`. */
export function progressText(doing: string, { bytesDone, bytesTotal }: Progress, elapsedMs: number): string {
  const perMs = elapsedMs > 0 ? bytesDone / elapsedMs : 0;
  const percent = bytesTotal > 0 ? Math.floor((100 * bytesDone) / bytesTotal) : 0;
  const left = perMs > 0 ? `  ${formatDuration((bytesTotal - bytesDone) / perMs)} left` : '';
  return `${doing}  ${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}  ${percent} %  ${formatBytes(perMs * 1000)}/s${left}`;
}
