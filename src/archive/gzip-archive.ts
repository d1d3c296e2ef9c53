import { type FileHandle, open } from 'node:fs/promises';
import type { FileIdentity, HashOptions } from '../digest/index.ts';
import type { ArchiveContents, HashedArchive, HashedMember } from '../model/index.ts';
import { isSame, refuseChanged, withArchive } from './archive-handle.ts';
import { ArchiveProgress } from './archive-progress.ts';
import { fileChunks } from './file-bytes.ts';
import { gunzip } from './gunzip.ts';
import { Heads } from './heads.ts';
import { Keeper } from './keeper.ts';
import { type ArchiveLimits, FREE_BYTES } from './limits.ts';
import { MemberHasher } from './member-hasher.ts';
import { PackedReader } from './packed-reader.ts';
import { readArchive } from './read-archive.ts';
import { SeekingBytes } from './seeking-bytes.ts';

/** One pass over the archive, kept for whoever asks for the same. */
interface Pass extends HashedArchive {
  readonly identity: FileIdentity;
  readonly way: string;
  readonly kept: Keeper;
}

/** How often as much as the archive holds may be unpacked again to look at files. */
const MOST_PASSES = 4;

/** A compressed archive: unpacked in one thread while what comes out is hashed in another, as few times as can be. */
export class GzipArchive implements ArchiveContents {
  readonly #path: string;
  readonly #limits: ArchiveLimits;
  readonly #signal: AbortSignal | undefined;
  #last: Pass | undefined;

  constructor(path: string, limits: ArchiveLimits, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#limits = limits;
    this.#signal = signal;
  }

  /** All files are hashed, wanted or not: unpacking is what takes its time. */
  async hash(_isWanted: (name: string) => boolean, options: HashOptions): Promise<HashedArchive> {
    return await this.#passFor(options);
  }

  async read(name: string, maxBytes: number, options: HashOptions): Promise<Uint8Array | undefined> {
    const { kept } = await this.#passFor(options, name);
    return kept.bytesOf(name, maxBytes);
  }

  async #passFor(options: HashOptions, wanted?: string): Promise<Pass> {
    const { algorithm, shardSize } = options;
    const way = `${algorithm} ${shardSize}`;
    return await withArchive(this.#path, async (handle, identity) => {
      const last = this.#last;
      const isEnough = wanted === undefined ? last?.way === way : last?.kept.knows(wanted);
      if (last !== undefined && isEnough && isSame(last.identity, identity)) return last;
      const kept = new Keeper(wanted);
      this.#last = { ...(await this.#stream(handle, identity, kept, options)), identity, way, kept };
      return this.#last;
    });
  }

  async #stream(handle: FileHandle, identity: FileIdentity, kept: Keeper, options: HashOptions): Promise<HashedArchive> {
    const { signal = this.#signal, onProgress } = options;
    const hasher = await MemberHasher.of(options, identity.size);
    const heads = new Heads();
    const offsets = new Map<string, number>();
    const members: HashedMember[] = [];
    const progress = new ArchiveProgress(identity.size, onProgress);
    let unpacked = 0;
    for await (const member of readArchive(progress.count(fileChunks(handle, signal)), { format: 'tar.gz', limits: this.#limits })) {
      const { name, kind, size, offset } = member;
      offsets.set(name, offset);
      unpacked = offset + size;
      const takers = kind === 'file' ? [kept.begin(member), heads.begin(member)] : [];
      const take = (piece: Buffer) => {
        for (const taker of takers) taker?.(piece);
        progress.report(members.length);
      };
      members.push({ name, kind, size, result: kind === 'file' ? await hasher.hash(member, take) : undefined });
    }
    progress.report(members.length, true);
    const seeking = new SeekingBytes(() => this.#unpack(identity), MOST_PASSES * unpacked + FREE_BYTES, this.#path);
    const lent = members.map((member): HashedMember => {
      const { name, kind, size } = member;
      if (kind === 'directory') return member;
      const verify = () => refuseChanged(this.#path, identity);
      return { ...member, packed: new PackedReader(seeking, { offset: offsets.get(name) ?? 0, size, head: heads.of(name) }, verify) };
    });
    return { engine: hasher.engine, members: lent };
  }

  /** The tar stream once more. */
  async *#unpack(identity: FileIdentity): AsyncGenerator<Buffer, void, undefined> {
    await refuseChanged(this.#path, identity);
    const handle = await open(this.#path);
    try {
      yield* gunzip(fileChunks(handle, this.#signal), this.#limits);
    } finally {
      await handle.close();
    }
  }
}
