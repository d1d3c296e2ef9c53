import { refused } from '../core/index.ts';
import type { ArchiveMember } from './read-members.ts';

/** What is asked of nearly every archive: its own signature, and what it says of itself. */
const OFTEN_ASKED = ['model.sig', 'config.json', 'adapter_config.json', 'README.md'];

/** What is kept without having been asked for, in bytes a file. */
const MOST_KEPT = 16 * 1024 * 1024;

/** Files whose bytes are kept while an archive goes by. */
export class Keeper {
  readonly #names: ReadonlySet<string>;
  readonly #pieces = new Map<string, Buffer[]>();
  readonly #tooLarge = new Set<string>();

  /** @param wanted a file that is asked for now */
  constructor(wanted: string | undefined) {
    this.#names = new Set([...OFTEN_ASKED, ...(wanted === undefined ? [] : [wanted])]);
  }

  /** Whether the file was kept, had it been there. */
  knows(name: string): boolean {
    return this.#names.has(name);
  }

  /** Takes the pieces of a member, where it is one to keep. */
  begin({ name, kind, size }: ArchiveMember): ((piece: Buffer) => void) | undefined {
    if (kind !== 'file' || !this.#names.has(name)) return undefined;
    if (size > MOST_KEPT) {
      this.#tooLarge.add(name);
      return undefined;
    }
    const pieces: Buffer[] = [];
    this.#pieces.set(name, pieces);
    return (piece) => pieces.push(Buffer.from(piece));
  }

  /** @throws MlsignError `file-too-large` */
  bytesOf(name: string, maxBytes: number): Uint8Array | undefined {
    const pieces = this.#pieces.get(name);
    const most = Math.min(maxBytes, MOST_KEPT);
    const size = pieces?.reduce((sum, { length }) => sum + length, 0) ?? 0;
    if (!this.#tooLarge.has(name) && size <= most) return pieces && Buffer.concat(pieces);
    throw refused('file-too-large', 'a file in the archive is larger than mlsign reads', {
      subject: name,
      expected: `at most ${most} bytes`,
    });
  }
}
