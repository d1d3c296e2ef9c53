import type { MlsignError } from '../core/index.ts';
import { itemError } from './item-error.ts';
import { HASHED, type WorkList } from './work-list.ts';

/** The digests of a file, in lower-case hex: one, or one a shard (none for a file of zero bytes in shards); or why there are none. */
export type HashedFile = { readonly size: number; readonly digests: readonly string[] } | { readonly error: MlsignError };

/** What became of files and their ranges. Both are numbered as they come. */
export class HashResults {
  /** By range. */
  readonly #digests: string[] = [];
  readonly #failedRanges = new Map<number, MlsignError>();
  readonly #failedFiles = new Map<number, MlsignError>();
  /** By file: bytes, and the number of its first range. */
  readonly #sizes: number[] = [];
  readonly #firstRanges: number[] = [];

  get files(): number {
    return this.#sizes.length;
  }

  get ranges(): number {
    return this.#digests.length;
  }

  /** Numbers the next file, of so many bytes. */
  addFile(size: number): void {
    this.#sizes.push(size);
    this.#firstRanges.push(this.#digests.length);
  }

  /** Gives the last file up before any range of it. */
  failFile(error: MlsignError): void {
    this.#failedFiles.set(this.files - 1, error);
  }

  /** Numbers the next range of the last file. */
  addRange(): number {
    return this.#digests.push('') - 1;
  }

  /** Takes over what a list that is done holds; `numbers` are those of its items' ranges. */
  take(list: WorkList, numbers: Float64Array): void {
    for (const [item, number] of numbers.entries()) {
      const status = list.status(item);
      if (status === HASHED) this.#digests[number] = list.digest(item);
      else this.#failedRanges.set(number, itemError(status, list.path(item)));
    }
  }

  /** Every file, in the order of adding; once all ranges are done. */
  all(): readonly HashedFile[] {
    return this.#sizes.map((size, file) => {
      const error = this.#failedFiles.get(file);
      return error === undefined
        ? this.#file(size, this.#firstRanges[file] ?? 0, this.#firstRanges[file + 1] ?? this.#digests.length)
        : { error };
    });
  }

  #file(size: number, first: number, end: number): HashedFile {
    const digests: string[] = [];
    for (let range = first; range < end; range++) {
      const error = this.#failedRanges.get(range);
      if (error !== undefined) return { error };
      digests.push(this.#digests[range] ?? '');
    }
    return { size, digests };
  }
}
