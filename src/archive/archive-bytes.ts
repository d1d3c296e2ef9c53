import type { FileIdentity } from '../digest/index.ts';

/** Where an archive's own bytes are. */
export interface ArchiveBytes {
  /** Names it in errors. */
  readonly where: string;
  /**
   * Lends the bytes, from the first to the last.
   *
   * @param use is told which state of the archive it is given
   * @throws MlsignError where it did not stay in that state, and what reading throws
   */
  lend<T>(use: (identity: FileIdentity, chunks: (signal?: AbortSignal) => AsyncIterable<Buffer>) => Promise<T>): Promise<T>;
  /** The bytes once more; refused where they are in another state. */
  again(identity: FileIdentity, signal?: AbortSignal): AsyncIterable<Buffer>;
  /** Fills as much of a buffer as there is from a place on; gives the number of bytes. */
  readInto(buffer: Buffer, place: number): Promise<number>;
  /** @throws MlsignError where the archive is in another state */
  refuseChanged(identity: FileIdentity): Promise<void>;
}
