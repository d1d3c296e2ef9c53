import type { FileHandle } from 'node:fs/promises';
import { refused } from '../core/index.ts';
import { type FileIdentity, type FileToHash, type HashOptions, hashFiles } from '../digest/index.ts';
import type { ArchiveContents, HashedArchive } from '../model/index.ts';
import { withArchive } from './archive-handle.ts';
import { FileBytes } from './file-bytes.ts';
import type { ArchiveLimits } from './limits.ts';
import { type ArchiveMember, readMembers } from './read-members.ts';

/** What is kept of a member: of a hundred thousand, nothing more. */
type ListedMember = Pick<ArchiveMember, 'name' | 'kind' | 'size' | 'offset'>;

/** An archive that is not compressed: headers are read first, then files where they lie, by as many threads as there are. */
export class TarArchive implements ArchiveContents {
  readonly #path: string;
  readonly #limits: ArchiveLimits;
  readonly #signal: AbortSignal | undefined;

  constructor(path: string, limits: ArchiveLimits, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#limits = limits;
    this.#signal = signal;
  }

  async hash(isWanted: (name: string) => boolean, options: HashOptions): Promise<HashedArchive> {
    const { signal = this.#signal } = options;
    return await withArchive(this.#path, async (handle, identity) => {
      const members = await this.#list(handle, identity, signal);
      const place = ({ offset, size }: ListedMember): FileToHash => {
        return { path: this.#path, identity, followLink: true, part: { offset, size } };
      };
      const wanted = members.filter(({ kind, name }) => kind === 'file' && isWanted(name));
      const { engine, files } = await hashFiles(wanted.map(place), { ...options, signal });
      const results = new Map(wanted.map(({ name }, i) => [name, files[i]]));
      return {
        engine,
        members: members.map((member) => {
          const { name, kind, size } = member;
          return { name, kind, size, place: place(member), result: results.get(name) };
        }),
      };
    });
  }

  async read(name: string, maxBytes: number, { signal = this.#signal }: HashOptions): Promise<Uint8Array | undefined> {
    return await withArchive(this.#path, async (handle, identity) => {
      const members = await this.#list(handle, identity, signal);
      const found = members.find((member) => member.name === name && member.kind === 'file');
      if (found === undefined) return undefined;
      const { size, offset } = found;
      if (size > maxBytes) {
        throw refused('file-too-large', 'a file in the archive is larger than mlsign reads', {
          subject: name,
          expected: `at most ${maxBytes} bytes`,
          got: `${size} bytes`,
        });
      }
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, offset);
      return buffer.subarray(0, bytesRead);
    });
  }

  async #list(handle: FileHandle, identity: FileIdentity, signal: AbortSignal | undefined): Promise<readonly ListedMember[]> {
    const members: ListedMember[] = [];
    for await (const { name, kind, size, offset } of readMembers(new FileBytes(handle, identity.size, signal), this.#limits))
      members.push({ name, kind, size, offset });
    return members;
  }
}
