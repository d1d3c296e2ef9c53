import type { ArchiveMember } from './read-members.ts';

/** What is kept of the beginning of a file: safetensors and GGUF say there what they are. */
const MOST_OF_ONE = 1024 * 1024;
const MOST = 64 * 1024 * 1024;

/** The beginnings of files, kept while a compressed archive goes by, so that looking at them needs no second pass. */
export class Heads {
  readonly #heads = new Map<string, Buffer>();
  #bytes = 0;

  /** Takes the pieces of a file, as many as are kept. */
  begin({ name, size }: ArchiveMember): ((piece: Buffer) => void) | undefined {
    const length = Math.min(size, MOST_OF_ONE);
    if (this.#bytes + length > MOST) return undefined;
    this.#bytes += length;
    // All of it is written before anybody reads it: a file that ends early is refused with its archive.
    const head = Buffer.allocUnsafe(length);
    this.#heads.set(name, head);
    let done = 0;
    return (piece) => {
      done += piece.copy(head, done);
    };
  }

  /** The first bytes of a file, at most so many as it has; none where they were not kept. */
  of(name: string): Buffer {
    return this.#heads.get(name) ?? NOTHING;
  }
}

const NOTHING = Buffer.alloc(0);
