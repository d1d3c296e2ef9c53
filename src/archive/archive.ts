import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { fileError, type OnProgress, refused } from '../core/index.ts';
import { type FileIdentity, type FileToHash, type HashOptions, hashFiles, identityOf } from '../digest/index.ts';
import type { ArchiveContents, HashedArchive, HashedMember } from '../model/index.ts';
import type { ArchiveFormat } from './archive-format.ts';
import { FileBytes, fileChunks } from './file-bytes.ts';
import { Keeper } from './keeper.ts';
import type { ArchiveLimits } from './limits.ts';
import { MemberHasher } from './member-hasher.ts';
import { readArchive } from './read-archive.ts';
import { type ArchiveMember, readMembers } from './read-members.ts';

/** One pass over compressed bytes, kept for whoever asks for the same. */
interface Pass extends HashedArchive {
  readonly identity: FileIdentity;
  readonly algorithm: string;
  readonly shardSize: number | undefined;
  readonly kept: Keeper;
}

const PROGRESS_MS = 100;

/** An archive in a file, as the content of a model. Nothing of it touches a disk. */
export class Archive implements ArchiveContents {
  readonly #path: string;
  readonly #format: ArchiveFormat;
  readonly #limits: ArchiveLimits;
  readonly #signal: AbortSignal | undefined;
  #pass: Pass | undefined;

  constructor(path: string, format: ArchiveFormat, limits: ArchiveLimits, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#format = format;
    this.#limits = limits;
    this.#signal = signal;
  }

  async hash(isWanted: (name: string) => boolean, options: HashOptions): Promise<HashedArchive> {
    return this.#format === 'tar' ? await this.#hashParts(isWanted, options) : await this.#passFor(options);
  }

  async read(name: string, maxBytes: number, options: HashOptions): Promise<Uint8Array | undefined> {
    if (this.#format === 'tar') return await this.#readPart(name, maxBytes, options.signal ?? this.#signal);
    const { kept } = await this.#passFor(options, name);
    return kept.bytesOf(name, maxBytes);
  }

  /** Headers first, then the files that lie between them, by as many threads as there are. */
  async #hashParts(isWanted: (name: string) => boolean, options: HashOptions): Promise<HashedArchive> {
    return await this.#withFile(async (handle, identity) => {
      const members = await listMembers(handle, identity, this.#limits, options.signal ?? this.#signal);
      const place = ({ offset, size }: ArchiveMember): FileToHash => {
        return { path: this.#path, identity, followLink: true, part: { offset, size } };
      };
      const wanted = members.filter(({ kind, name }) => kind === 'file' && isWanted(name));
      const parts = wanted.map(place);
      const { engine, files } = await hashFiles(parts, { ...options, signal: options.signal ?? this.#signal });
      const results = new Map(wanted.map(({ name }, i) => [name, files[i]]));
      return {
        engine,
        members: members.map((member) => ({ ...described(member), place: place(member), result: results.get(member.name) })),
      };
    });
  }

  async #readPart(name: string, maxBytes: number, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    return await this.#withFile(async (handle, identity) => {
      const members = await listMembers(handle, identity, this.#limits, signal);
      const found = members.find((member) => member.name === name && member.kind === 'file');
      if (found === undefined) return undefined;
      const { size, offset } = found;
      if (size > maxBytes) throw tooLarge(name, size, maxBytes);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, offset);
      return buffer.subarray(0, bytesRead);
    });
  }

  /** All files are hashed in one pass, wanted or not: unpacking is what takes its time. */
  async #passFor(options: HashOptions, wanted?: string): Promise<Pass> {
    return await this.#withFile(async (handle, identity) => {
      const { algorithm, shardSize } = options;
      const last = this.#pass;
      const isSame = last?.algorithm === algorithm && last.shardSize === shardSize;
      const isEnough = wanted === undefined ? isSame : last?.kept.knows(wanted);
      if (last !== undefined && isEnough && same(last.identity, identity)) return last;
      const kept = new Keeper(wanted);
      const pass = { ...(await this.#stream(handle, identity.size, kept, options)), identity, algorithm, shardSize, kept };
      this.#pass = pass;
      return pass;
    });
  }

  async #stream(handle: FileHandle, size: number, kept: Keeper, options: HashOptions): Promise<HashedArchive> {
    const { signal = this.#signal } = options;
    const hasher = await MemberHasher.of(options, size);
    const members: HashedMember[] = [];
    let read = 0;
    const report = throttled(options.onProgress);
    async function* chunks() {
      for await (const chunk of fileChunks(handle, signal)) {
        read += chunk.length;
        yield chunk;
      }
    }
    for await (const member of readArchive(chunks(), { format: this.#format, limits: this.#limits })) {
      const { kind } = member;
      const keep = kept.begin(member);
      const result =
        kind === 'file'
          ? await hasher.hash(member, (piece) => {
              keep?.(piece);
              report(false, read, size, members.length);
            })
          : undefined;
      members.push({ ...described(member), result });
    }
    report(true, read, size, members.length);
    return { engine: hasher.engine, members };
  }

  /** Opens the file, and makes sure that it stayed the same for as long as it was used. */
  async #withFile<T>(use: (handle: FileHandle, identity: FileIdentity) => Promise<T>): Promise<T> {
    try {
      const handle = await open(this.#path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
      try {
        const stats = await handle.stat();
        if (!stats.isFile()) throw refused('not-a-file', 'not a regular file', { subject: this.#path, expected: 'a regular file' });
        const result = await use(handle, identityOf(stats));
        if (!same(identityOf(await handle.stat()), identityOf(stats))) throw changed(this.#path);
        return result;
      } finally {
        await handle.close();
      }
    } catch (error) {
      throw fileError(error, 'read the archive', this.#path);
    }
  }
}

async function listMembers(
  handle: FileHandle,
  { size }: FileIdentity,
  limits: ArchiveLimits,
  signal: AbortSignal | undefined,
): Promise<readonly ArchiveMember[]> {
  const members: ArchiveMember[] = [];
  for await (const member of readMembers(new FileBytes(handle, size, signal), limits)) members.push(member);
  return members;
}

function described({ name, kind, size }: ArchiveMember): HashedMember {
  return { name, kind, size };
}

function throttled(onProgress: OnProgress | undefined) {
  let last = performance.now();
  return (isEnd: boolean, bytesDone: number, bytesTotal: number, files: number) => {
    const now = performance.now();
    if (onProgress === undefined || (!isEnd && now - last < PROGRESS_MS)) return;
    last = now;
    onProgress({ bytesDone, bytesTotal, filesDone: files, filesTotal: files });
  };
}

function same(a: FileIdentity, b: FileIdentity): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ino === b.ino && a.dev === b.dev;
}

function changed(path: string) {
  return refused('file-changed-while-read', 'the archive changed while it was read', {
    subject: path,
    suggestions: ['try again when nothing writes to it'],
  });
}

function tooLarge(member: string, size: number, maxBytes: number) {
  return refused('file-too-large', 'a file in the archive is larger than mlsign reads', {
    subject: member,
    expected: `at most ${maxBytes} bytes`,
    got: `${size} bytes`,
  });
}
