import { closeSync, fdatasync, fsync, openSync, write, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { fileError, makeDirectory } from '../core/index.ts';
import type { HashedFile } from '../digest/index.ts';
import type { MemberHasher } from './member-hasher.ts';
import type { ArchiveMember } from './read-members.ts';

/** Files that are flushed to the disk while others are unpacked: it makes few of many. */
const MOST_FLUSHING = 8;
/** Written back while more comes, so that little is left to flush at the end. */
const FLUSH_BYTES = 64 * 1024 * 1024;
/** Written at once: to wait for a thread, of which all may be flushing, takes longer. */
const SMALL_BYTES = 64 * 1024;

const [flushFile, flushData, writeAt] = [promisify(fsync), promisify(fdatasync), promisify(write)];

/** Writes files while they are hashed, and flushes them while others come. */
export class StagingWriter {
  readonly #root: string;
  readonly #folders: Set<string>;
  readonly #flushing = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  /** @param root of all files; exists */
  constructor(root: string) {
    this.#root = root;
    this.#folders = new Set([root]);
  }

  async write(path: string, member: ArchiveMember, hasher: MemberHasher, onPiece: () => void): Promise<HashedFile> {
    try {
      this.refuseFailed();
      await this.#makeFolder(dirname(path));
      // Nothing is there yet: a link that somebody put there in the meantime is not followed.
      const file = openSync(path, 'wx', 0o644);
      const output = new Output(file);
      try {
        const result = await hasher.hash({ ...member, content: () => output.through(member.content()) }, onPiece);
        await output.done();
        return result;
      } finally {
        // Closed while somebody writes there, its number may be that of another file.
        await output.settle();
        await this.#flush(file);
      }
    } catch (error) {
      throw fileError(error, 'unpack the file', member.name);
    }
  }

  /** Waits for all that is still being flushed. */
  async settle(): Promise<void> {
    await Promise.all(this.#flushing);
  }

  /** @throws MlsignError where a file could not be flushed */
  refuseFailed(): void {
    if (this.#failure !== undefined) throw fileError(this.#failure.error, 'unpack the archive', this.#root);
  }

  async #makeFolder(path: string): Promise<void> {
    if (this.#folders.has(path)) return;
    await makeDirectory(path);
    this.#folders.add(path);
  }

  async #flush(file: number): Promise<void> {
    const work = flushFile(file)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => closeSync(file));
    this.#flushing.add(work);
    void work.finally(() => this.#flushing.delete(work));
    while (this.#flushing.size >= MOST_FLUSHING) await Promise.race(this.#flushing);
  }
}

/** Writes pieces as they pass by: one is being written while the next is hashed. */
class Output {
  readonly #file: number;
  #writing: Promise<void> = Promise.resolve();
  #flushing: Promise<unknown> = Promise.resolve();
  #position = 0;
  #unflushed = 0;

  constructor(file: number) {
    this.#file = file;
  }

  /** The pieces of an archive are good until the next but one is asked for. */
  async *through(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
    for await (const piece of pieces) {
      await this.#writing;
      this.#writing = this.#write(piece, this.#position);
      this.#writing.catch(() => undefined);
      this.#position += piece.length;
      this.#unflushed += piece.length;
      yield piece;
    }
  }

  /** @throws what writing has thrown */
  async done(): Promise<void> {
    await this.#writing;
    await this.#flushing;
  }

  /** Waits until nothing is written any more, well or not. */
  async settle(): Promise<void> {
    await this.done().catch(() => this.#flushing);
  }

  async #write(piece: Buffer, position: number): Promise<void> {
    for (let done = 0; done < piece.length; ) {
      const [at, length] = [position + done, piece.length - done];
      if (length <= SMALL_BYTES) done += writeSync(this.#file, piece, done, length, at);
      else done += (await writeAt(this.#file, piece, done, length, at)).bytesWritten;
    }
    if (this.#unflushed < FLUSH_BYTES) return;
    this.#unflushed = 0;
    this.#flushing = this.#flushing.then(() => flushData(this.#file)).catch(() => undefined);
  }
}
