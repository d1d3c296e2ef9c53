import { type MlsignError, refused, throwIfAborted, unavailable } from '../core/index.ts';
import { inParallel } from './in-parallel.ts';
import { slicedBody } from './s3-body.ts';
import type { S3Bucket } from './s3-bucket.ts';
import { BufferPool } from './s3-buffers.ts';
import { countParts, partSizeFor, summary, withFile } from './s3-file.ts';
import { HashingThreads } from './s3-hashing.ts';
import { MultipartUpload } from './s3-multipart.ts';
import { presentObjects } from './s3-present.ts';
import { readOne, readParts } from './s3-read-parts.ts';
import { ResumeFile } from './s3-resume.ts';
import {
  type FileUpload,
  NULL_VERSION,
  type ObjectVersion,
  type PartedObject,
  type StoredObject,
  type UploadedObject,
  type UploadOptions,
} from './store.ts';
import { type TransferProgress, withProgress } from './transfer-progress.ts';

const MIB = 1024 * 1024;
/** Memory for what is on its way: five parts of 16 MiB. */
const POOL_BYTES = 80 * MIB;
/** Hashed at once, without another thread. */
const SMALL = MIB;
const SMALL_LANES = 16;
/** Files in parts at a time: while one begins or ends, another one is sent. */
const LARGE_LANES = 2;
/** From so many files on one list is cheaper than a question about each. */
const WORTH_LISTING = 4;

/** What uploads need of their store. */
export interface UploadTarget {
  readonly bucket: S3Bucket;
  /** Where the store is, so that what is remembered of one is not taken for another's. */
  readonly endpoint: string;
  /** Whether an object holds just these parts; its bytes are read where S3's checksums do not tell. */
  readonly holds: (object: PartedObject, signal: AbortSignal) => Promise<boolean>;
}

/** Puts files under keys that hold nothing yet. */
export async function uploadFiles(
  target: UploadTarget,
  files: readonly FileUpload[],
  { attributes, resume, signal, onProgress }: UploadOptions,
): Promise<readonly UploadedObject[]> {
  const threads = new HashingThreads(2);
  try {
    const listed = files.length < WORTH_LISTING ? undefined : await presentObjects(target.bucket, files, signal);
    const uploads = await ResumeFile.open(resume);
    const sizes = files.map(({ identity }) => identity.size);
    return await withProgress(sizes, onProgress, async (progress) => {
      const run = new UploadRun(target, { attributes, uploads, threads, progress, pool: new BufferPool(POOL_BYTES) }, listed);
      const isLarge = (file: FileUpload) => countParts(file.identity.size, partSizeOf(file)) > 1;
      const groups = [
        { files: files.filter(isLarge), lanes: LARGE_LANES },
        { files: files.filter((file) => !isLarge(file)), lanes: SMALL_LANES },
      ];
      const uploaded = await inParallel(groups, groups.length, signal, (group, either) =>
        inParallel(group.files, group.lanes, either, (file, each) => run.upload(file, each)),
      );
      const [large, small] = uploaded.map((objects) => objects.values());
      return files.flatMap((file) => (isLarge(file) ? large : small)?.next().value ?? []);
    });
  } finally {
    await threads.close();
  }
}

interface UploadState extends Pick<UploadOptions, 'attributes'> {
  readonly uploads: ResumeFile;
  readonly threads: HashingThreads;
  readonly progress: TransferProgress;
  readonly pool: BufferPool;
}

class UploadRun {
  readonly #target: UploadTarget;
  readonly #state: UploadState;
  /** What lies there already, where that is known. */
  readonly #listed: ReadonlyMap<string, StoredObject> | undefined;

  constructor(target: UploadTarget, state: UploadState, listed: ReadonlyMap<string, StoredObject> | undefined) {
    this.#target = target;
    this.#state = state;
    this.#listed = listed;
  }

  async upload(file: FileUpload, signal: AbortSignal): Promise<UploadedObject> {
    throwIfAborted(signal);
    const uploaded = await this.#upload(file, signal);
    this.#state.progress.filesDone++;
    return uploaded;
  }

  async #upload(file: FileUpload, signal: AbortSignal): Promise<UploadedObject> {
    const { size } = file.identity;
    const isOne = countParts(size, partSizeOf(file)) === 1;
    const existing = await this.#existing(file, signal);
    if (existing !== undefined && existing.size !== size)
      throw objectExists(this.#target.bucket, file, `${size} bytes`, `${existing.size} bytes`);
    if (isOne) return this.#uploadOne(file, existing, signal);
    return existing === undefined ? this.#uploadParts(file, signal) : this.#compare(file, existing, signal);
  }

  /** Small files are simply sent where it is not known: S3 refuses to replace anything. */
  async #existing({ key, identity }: FileUpload, signal: AbortSignal): Promise<StoredObject | undefined> {
    if (this.#listed !== undefined) return this.#listed.get(key);
    return identity.size <= SMALL ? undefined : this.#target.bucket.peek(key, signal);
  }

  async #uploadOne(file: FileUpload, existing: StoredObject | undefined, signal: AbortSignal): Promise<UploadedObject> {
    const { pool, attributes, threads } = this.#state;
    const { size } = file.identity;
    const buffer = size <= SMALL ? undefined : await pool.take(size, signal);
    try {
      const bytes = buffer?.bytes ?? Buffer.allocUnsafe(size);
      const sha256 = await readOne(file, bytes, buffer === undefined ? undefined : threads);
      const own = { partSize: partSizeOf(file), parts: [sha256] };
      this.#state.progress.bytesDone += size;
      if (existing !== undefined) return await this.#reuse(file, existing, own.parts, signal, true);
      let attempts = 0;
      const body = () => {
        attempts++;
        return size <= SMALL ? bytes : slicedBody(bytes);
      };
      const made = await this.#target.bucket.put(file.key, { body, size, sha256 }, 'absent', attributes, signal);
      // Not the first attempt: the answer to an earlier one may have been lost.
      return made === undefined
        ? await this.#lookAgain(file, own.parts, signal, attempts === 1)
        : { ...uploadedOf(made, size), ...own, isReused: false };
    } finally {
      buffer?.release();
    }
  }

  /** Hashes a file, and compares it with what lies there. */
  async #compare(file: FileUpload, existing: StoredObject, signal: AbortSignal): Promise<UploadedObject> {
    const { pool, threads, progress } = this.#state;
    const reading = { pool, threads, partSize: partSizeOf(file), signal };
    const parts = await withFile(file, (handle) =>
      readParts(file, handle, reading, async ({ bytes }) => {
        progress.bytesDone += bytes.length;
      }),
    );
    return this.#reuse(file, existing, parts, signal, true);
  }

  async #uploadParts(file: FileUpload, signal: AbortSignal): Promise<UploadedObject> {
    const { pool, threads, progress } = this.#state;
    const partSize = partSizeOf(file);
    const { upload, held } = await this.#begin(file, partSize, signal);
    const tags: string[] = [];
    try {
      const parts = await withFile(file, (handle) =>
        readParts(file, handle, { pool, threads, partSize, signal }, async (part) => {
          const before = held.get(part.index + 1);
          const isHeld = before?.size === part.bytes.length && before.sha256 === Buffer.from(part.sha256, 'hex').toString('base64');
          tags[part.index] = isHeld ? before.tag : await upload.send(part, signal);
          progress.bytesDone += part.bytes.length;
        }),
      );
      return await this.#complete(file, upload, parts, tags, signal);
    } catch (error) {
      await this.#giveUp(upload, error);
      throw error;
    }
  }

  /** Goes on with an upload that this client began, and with no other; or begins one. */
  async #begin(file: FileUpload, partSize: number, signal: AbortSignal) {
    const { attributes, uploads } = this.#state;
    const { bucket, endpoint } = this.#target;
    const own = {
      object: bucket.subject(file.key),
      endpoint,
      size: file.identity.size,
      partSize,
      attributes: JSON.stringify(attributes ?? {}),
    };
    const id = uploads.find(own);
    if (id !== undefined) {
      const upload = new MultipartUpload(bucket, file.key, id, attributes);
      const held = await upload.held(signal);
      if (held !== undefined) return { upload, held };
      await upload.abort(signal).catch(() => undefined);
      await uploads.forget(id);
    }
    const upload = await MultipartUpload.create(bucket, file.key, attributes, signal);
    await uploads.add({ ...own, id: upload.id });
    return { upload, held: new Map<number, never>() };
  }

  async #complete(
    file: FileUpload,
    upload: MultipartUpload,
    parts: readonly string[],
    tags: readonly string[],
    signal: AbortSignal,
  ): Promise<UploadedObject> {
    const made = await upload.complete({ parts }, tags, 'absent', signal);
    if (made.kind === 'made') {
      const { version } = made;
      await this.#state.uploads.forget(upload.id);
      await this.#target.bucket.insistOnVersion({ key: file.key, version });
      return { key: file.key, version, size: file.identity.size, partSize: partSizeOf(file), parts, isReused: false };
    }
    const found = await this.#lookAgain(file, parts, signal, !made.isRepeated);
    if (made.kind === 'taken') await upload.abort(signal).catch(() => undefined);
    await this.#state.uploads.forget(upload.id);
    return found;
  }

  /** The key holds something since we looked: what we wrote, or somebody else did. */
  async #lookAgain(file: FileUpload, parts: readonly string[], signal: AbortSignal, isReused: boolean): Promise<UploadedObject> {
    const existing = await this.#target.bucket.current(file.key, signal);
    if (existing !== undefined) return this.#reuse(file, existing, parts, signal, isReused);
    throw unavailable('upload-conflict', 'somebody else wrote or removed the object meanwhile', {
      subject: this.#target.bucket.subject(file.key),
      suggestions: ['run it again'],
    });
  }

  async #reuse(
    file: FileUpload,
    { key, version, size }: StoredObject,
    parts: readonly string[],
    signal: AbortSignal,
    isReused: boolean,
  ): Promise<UploadedObject> {
    const { bucket, holds } = this.#target;
    const object = { key, version, size, partSize: partSizeOf(file), parts };
    if (version === NULL_VERSION) throw bucket.unversioned();
    const isSame = size === file.identity.size && (await holds(object, signal));
    if (!isSame) throw objectExists(bucket, file, summary(file.signed.digests), 'other bytes');
    return { ...object, isReused };
  }

  /** What a later run can go on with stays; what is wrong goes. */
  async #giveUp(upload: MultipartUpload, error: unknown): Promise<void> {
    const { uploads } = this.#state;
    const isWrong = error instanceof Error && 'outcome' in error && error.outcome === 'refused';
    if (uploads.remembers && !isWrong) return;
    await upload.abort().catch(() => undefined);
    await uploads.forget(upload.id);
  }
}

function partSizeOf({ identity, signed }: FileUpload): number {
  return partSizeFor(identity.size, signed);
}

function uploadedOf({ key, version }: ObjectVersion, size: number): StoredObject {
  return { key, version, size };
}

function objectExists(bucket: S3Bucket, { key }: FileUpload, expected: string, got: string): MlsignError {
  return refused('object-exists', 'other bytes lie under this key', {
    subject: bucket.subject(key),
    expected,
    got,
    suggestions: ['mlsign restore puts back what a release pinned', 'remove what lies there, if nobody needs it'],
  });
}
