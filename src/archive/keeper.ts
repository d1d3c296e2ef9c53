import { refused } from '../core/index.ts';
import type { ArchiveMember } from './read-members.ts';

/** What is asked of nearly every archive: its own signature, and what it says of itself. */
const OFTEN_ASKED = /^(?:model\.sig|config\.json|adapter_config\.json|README\.md|.*\.index\.json)$/su;

/** What is kept, in bytes: of one file, and in all. */
const MOST_OF_ONE = 32 * 1024 * 1024;
const MOST = 64 * 1024 * 1024;

/** Files whose bytes are kept while an archive goes by. */
export class Keeper {
  readonly #wanted: string | undefined;
  readonly #pieces = new Map<string, Buffer[]>();
  readonly #tooLarge = new Set<string>();
  #bytes = 0;

  /** @param wanted a file that is asked for now */
  constructor(wanted: string | undefined) {
    this.#wanted = wanted;
  }

  /** Whether the file was kept, had it been there. */
  knows(name: string): boolean {
    return name === this.#wanted || OFTEN_ASKED.test(name);
  }

  /** Takes the pieces of a file, where it is one to keep. */
  begin({ name, size }: ArchiveMember): ((piece: Buffer) => void) | undefined {
    if (!this.knows(name)) return undefined;
    if (size > MOST_OF_ONE || this.#bytes + size > MOST) {
      this.#tooLarge.add(name);
      return undefined;
    }
    this.#bytes += size;
    const pieces: Buffer[] = [];
    this.#pieces.set(name, pieces);
    return (piece) => pieces.push(Buffer.from(piece));
  }

  /** @throws MlsignError `file-too-large` */
  bytesOf(name: string, maxBytes: number): Uint8Array | undefined {
    const pieces = this.#pieces.get(name);
    const size = pieces?.reduce((sum, { length }) => sum + length, 0) ?? 0;
    if (!this.#tooLarge.has(name) && size <= maxBytes) return pieces && Buffer.concat(pieces);
    throw refused('file-too-large', 'a file in the archive is larger than mlsign reads', {
      subject: name,
      expected: `at most ${Math.min(maxBytes, MOST_OF_ONE)} bytes`,
    });
  }
}
