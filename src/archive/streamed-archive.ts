import { throwIfAborted } from '../core/index.ts';
import { type FileIdentity, type HashOptions, RangeHasher, type Ranges } from '../digest/index.ts';
import type { ArchiveContents, HashedArchive, HashedMember } from '../model/index.ts';
import type { ArchiveBytes } from './archive-bytes.ts';
import type { ArchiveFormat } from './archive-format.ts';
import { isSame } from './archive-handle.ts';
import { ArchiveProgress } from './archive-progress.ts';
import { gunzip } from './gunzip.ts';
import { Heads } from './heads.ts';
import { Keeper } from './keeper.ts';
import { type ArchiveLimits, FREE_BYTES } from './limits.ts';
import { MemberHasher } from './member-hasher.ts';
import { PackedReader, type PlacedBytes } from './packed-reader.ts';
import { readArchive } from './read-archive.ts';
import { SeekingBytes } from './seeking-bytes.ts';

/** What the archive's own bytes are, as a pass over it saw them. */
export interface OwnBytes {
  readonly identity: FileIdentity;
  /** Hex, in the ranges that were asked for. */
  readonly digests: readonly string[];
}

/** One pass over the archive, kept for whoever asks for the same. */
interface Pass extends HashedArchive {
  readonly identity: FileIdentity;
  readonly way: string;
  readonly kept: Keeper;
  readonly own?: OwnBytes | undefined;
}

/** How an archive is streamed. */
export interface StreamOptions {
  readonly format: ArchiveFormat;
  readonly limits: ArchiveLimits;
  /** How its own bytes are hashed in the same pass; not at all unless given. */
  readonly own?: Ranges | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How often as much as the archive holds may be unpacked again to look at files. */
const MOST_PASSES = 4;

/** An archive that is read from its beginning to its end, as few times as can be: unpacked in one thread while what comes out is hashed in another. */
export class StreamedArchive implements ArchiveContents {
  readonly #bytes: ArchiveBytes;
  readonly #options: StreamOptions;
  #last: Pass | undefined;

  constructor(bytes: ArchiveBytes, options: StreamOptions) {
    this.#bytes = bytes;
    this.#options = options;
  }

  /** The archive's own bytes in the last pass; undefined before there was one. */
  get own(): OwnBytes | undefined {
    return this.#last?.own;
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
    return await this.#bytes.lend(async (identity, chunks) => {
      const last = this.#last;
      const isEnough = wanted === undefined ? last?.way === way : last?.kept.knows(wanted);
      if (last !== undefined && isEnough && isSame(last.identity, identity)) return last;
      const kept = new Keeper(wanted);
      this.#last = undefined;
      this.#last = { ...(await this.#stream(chunks, identity, kept, options)), identity, way, kept };
      return this.#last;
    });
  }

  async #stream(
    open: (signal?: AbortSignal) => AsyncIterable<Buffer>,
    identity: FileIdentity,
    kept: Keeper,
    options: HashOptions,
  ): Promise<Pick<Pass, 'engine' | 'members' | 'own'>> {
    const { signal = this.#options.signal, onProgress } = options;
    const { format, limits, own } = this.#options;
    const hasher = await MemberHasher.of(options, identity.size);
    const ownHasher = own && (await RangeHasher.of(own, identity.size));
    const heads = new Heads();
    const offsets = new Map<string, number>();
    const members: HashedMember[] = [];
    const progress = new ArchiveProgress(identity.size, onProgress);
    const chunks = progress.count(open(signal));
    let unpacked = 0;
    for await (const member of readArchive(ownHasher === undefined ? chunks : hashedBy(ownHasher, chunks), { format, limits })) {
      throwIfAborted(signal);
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
    const placed = this.#placed(identity, unpacked);
    const lent = members.map((member): HashedMember => {
      const { name, kind, size } = member;
      if (kind === 'directory') return member;
      const verify = () => this.#bytes.refuseChanged(identity);
      return { ...member, packed: new PackedReader(placed, { offset: offsets.get(name) ?? 0, size, head: heads.of(name) }, verify) };
    });
    return { engine: hasher.engine, members: lent, own: ownHasher && { identity, digests: ownHasher.end() } };
  }

  /** Bytes of the tar stream at any place. */
  #placed(identity: FileIdentity, unpacked: number): PlacedBytes {
    const { format, limits, signal } = this.#options;
    const bytes = this.#bytes;
    if (format === 'tar') return { readInto: (buffer, place) => bytes.readInto(buffer, place), borrow: () => async () => {} };
    return new SeekingBytes(() => gunzip(bytes.again(identity, signal), limits), MOST_PASSES * unpacked + FREE_BYTES, bytes.where);
  }
}

/** The archive is read to its very end before it is a good one: then every byte has passed by here. */
async function* hashedBy(hasher: RangeHasher, chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of chunks) {
    hasher.update(chunk);
    yield chunk;
  }
}
