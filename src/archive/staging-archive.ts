import { statSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { refused, throwIfAborted } from '../core/index.ts';
import { type FileIdentity, type HashOptions, hashFiles, identityOf } from '../digest/index.ts';
import type { ArchiveContents, HashedArchive, HashedMember } from '../model/index.ts';
import type { ArchiveFormat } from './archive-format.ts';
import { changed, isSame, withArchive } from './archive-handle.ts';
import { ArchiveProgress } from './archive-progress.ts';
import { fileChunks } from './file-bytes.ts';
import type { ArchiveLimits } from './limits.ts';
import { MemberHasher } from './member-hasher.ts';
import { readArchive } from './read-archive.ts';
import { StagingWriter } from './staging-writer.ts';
import type { StreamOptions } from './streamed-archive.ts';

/** A member as it lies in the staging folder. */
interface StagedMember extends HashedMember {
  readonly path: string;
}

/** One pass over the archive: what came out, and how it was hashed. */
interface Staged {
  readonly engine: HashedArchive['engine'];
  readonly way: string;
  readonly members: readonly StagedMember[];
}

/**
 * An archive that is unpacked into a folder of its own while it is read, once, and not before somebody trusted is known to have
 * signed it. Nothing of it is verified there yet, and it is refused as late as anything wrong with it is seen: whoever asked
 * removes the folder then.
 */
export class StagingArchive implements ArchiveContents {
  readonly #path: string;
  readonly #format: ArchiveFormat;
  readonly #limits: ArchiveLimits;
  readonly #folder: string;
  readonly #signal: AbortSignal | undefined;
  /** Let go of when it is unpacked, with all that is kept of it. */
  #untouched: ArchiveContents | undefined;
  #staged: Promise<Staged> | undefined;
  /** The archive as something was read from it before it was unpacked. */
  #seen: FileIdentity | undefined;

  /**
   * @param untouched the same archive, of which nothing is unpacked
   * @param folder exists, is empty, and nobody else writes there
   */
  constructor(path: string, { format, limits, signal }: StreamOptions, untouched: ArchiveContents, folder: string) {
    this.#path = path;
    this.#format = format;
    this.#limits = limits;
    this.#untouched = untouched;
    this.#folder = folder;
    this.#signal = signal;
  }

  async hash(isWanted: (name: string) => boolean, options: HashOptions): Promise<HashedArchive> {
    const { engine, way, members } = await this.#stage(options);
    if (way === wayOf(options)) return { engine, members };
    return await hashAgain(members, isWanted, { ...options, signal: options.signal ?? this.#signal });
  }

  async read(name: string, maxBytes: number, options: HashOptions, isTrusted = false): Promise<Uint8Array | undefined> {
    const untouched = this.#untouched;
    if (!isTrusted && untouched !== undefined) {
      return await withArchive(this.#path, async (_handle, identity) => {
        this.#seen = identity;
        return await untouched.read(name, maxBytes, options);
      });
    }
    const { members } = await this.#stage(options);
    const found = members.find((member) => member.name === name && member.kind === 'file');
    if (found === undefined) return undefined;
    if (found.size <= maxBytes) return await readFile(found.path);
    throw refused('file-too-large', 'a file in the archive is larger than mlsign reads', {
      subject: name,
      expected: `at most ${maxBytes} bytes`,
      got: `${found.size} bytes`,
    });
  }

  /** What is refused once is refused whenever it is asked for: it is read only once. */
  #stage(options: HashOptions): Promise<Staged> {
    this.#untouched = undefined;
    this.#staged ??= withArchive(this.#path, async (handle, identity) => {
      if (this.#seen !== undefined && !isSame(this.#seen, identity)) throw changed(this.#path);
      return await this.#unpack(handle, identity.size, options);
    });
    return this.#staged;
  }

  async #unpack(handle: FileHandle, size: number, options: HashOptions): Promise<Staged> {
    const { signal = this.#signal, onProgress } = options;
    const hasher = await MemberHasher.of(options, size);
    const progress = new ArchiveProgress(size, onProgress);
    const writer = new StagingWriter(this.#folder);
    const members: StagedMember[] = [];
    const chunks = progress.count(fileChunks(handle, signal));
    try {
      for await (const member of readArchive(chunks, { format: this.#format, limits: this.#limits })) {
        throwIfAborted(signal);
        const { name, kind, size } = member;
        const path = join(this.#folder, ...name.split('/'));
        if (kind === 'directory') {
          members.push({ name, kind, size, path });
          continue;
        }
        const result = await writer.write(path, member, hasher, () => progress.report(members.length));
        members.push({ name, kind, size, path, result });
      }
    } finally {
      await writer.settle();
    }
    writer.refuseFailed();
    progress.report(members.length, true);
    return { engine: hasher.engine, way: wayOf(options), members: members.map(placed) };
  }
}

/** With where it lies, in the state in which it was flushed. */
function placed(member: StagedMember): StagedMember {
  if (member.kind === 'directory') return member;
  return { ...member, place: { path: member.path, identity: identityOf(statSync(member.path)) } };
}

function wayOf({ algorithm, shardSize }: HashOptions): string {
  return `${algorithm} ${shardSize}`;
}

/** Hashes what is staged in another way than on the first pass. */
async function hashAgain(
  members: readonly StagedMember[],
  isWanted: (name: string) => boolean,
  options: HashOptions,
): Promise<HashedArchive> {
  const wanted = members.flatMap(({ name, place }) => (place !== undefined && isWanted(name) ? [{ name, place }] : []));
  const { engine, files } = await hashFiles(
    wanted.map(({ place }) => place),
    options,
  );
  const results = new Map(wanted.map(({ name }, i) => [name, files[i]]));
  return { engine, members: members.map((member) => ({ ...member, result: results.get(member.name) })) };
}
