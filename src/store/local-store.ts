import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileError, refused, throwIfAborted, unavailable } from '../core/index.ts';
import { type HashedFile, identityOf } from '../digest/index.ts';
import { inParallel } from './in-parallel.ts';
import { KeyWriter, STAGED, sealStaged } from './local-commit.ts';
import { notAFile } from './local-copy.ts';
import { fetchAll, type VersionFile } from './local-fetch.ts';
import { lstatBelow, lstatOf, namesIn, placeOf } from './local-files.ts';
import { ownerState } from './local-owner.ts';
import { withProgress } from './local-progress.ts';
import { currentOf, entriesOf, isSameFile, type KeyState, readState, unversioned, versionId } from './local-state.ts';
import { stageVersion, uploadFile } from './local-upload.ts';
import { LocalWalk } from './local-walk.ts';
import type {
  AbandonedUpload,
  Attestation,
  AttestationTrust,
  Condition,
  CurrentObject,
  FileUpload,
  HistoryEntry,
  ObjectAttributes,
  ObjectFetch,
  ObjectVersion,
  PartedObject,
  Store,
  StoredObject,
  TransferOptions,
  UploadedObject,
  UploadOptions,
} from './store.ts';

const NO_CHECKSUMS = 'a local directory computes no checksums';
const FILES_AT_ONCE = 4;
const NUMBER = /^[1-9]\d{0,14}$/;

/**
 * A store in a directory: the file of a key is its current version, which any loader reads; every version lies in
 * `.mlsign/versions`. Several processes may write at once.
 */
export class LocalStore implements Store {
  readonly kind = 'local';
  readonly url: string;
  readonly #root: string;

  /** @param root absolute; it need not exist before something is written */
  constructor(root: string) {
    this.#root = root;
    this.url = `file:${root.split(sep).join('/')}`;
  }

  async current(key: string, signal?: AbortSignal): Promise<CurrentObject | undefined> {
    return await this.#doing('look for', key, async () => {
      throwIfAborted(signal);
      const state = await readState(this.#root, placeOf(this.#root, key));
      if (state.visible !== undefined && !state.visible.isFile()) throw notAFile(state.place.path);
      return currentOf(state);
    });
  }

  async *history(prefix: string, signal?: AbortSignal): AsyncGenerator<HistoryEntry> {
    try {
      for await (const key of new LocalWalk(this.#root, signal).keys(prefix)) yield* entriesOf(await this.#state(key));
    } catch (error) {
      throw fileError(error, 'list the store', this.#subject(prefix));
    }
  }

  async folders(prefix: string, signal?: AbortSignal): Promise<readonly string[]> {
    return await this.#doing('list the store', prefix, async () => {
      return await new LocalWalk(this.#root, signal).folders(prefix, async (key) => entriesOf(await this.#state(key)).length > 0);
    });
  }

  async read(object: ObjectVersion, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
    return await this.#doing('read the object', object.key, async () => {
      throwIfAborted(signal);
      const { path } = await this.#locate(object);
      const handle = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
      try {
        const { size } = await handle.stat();
        if (size > maxBytes) throw tooLarge(this.#subject(object.key), maxBytes, size);
        const buffer = Buffer.alloc(size + 1);
        let length = 0;
        for (;;) {
          const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
          length += bytesRead;
          if (bytesRead === 0) return buffer.subarray(0, length);
          if (length > size) throw tooLarge(this.#subject(object.key), size, length);
        }
      } finally {
        await handle.close();
      }
    });
  }

  async write(
    key: string,
    data: Uint8Array,
    condition: Condition,
    attributes?: ObjectAttributes,
    signal?: AbortSignal,
  ): Promise<CurrentObject | undefined> {
    refuseAttributes(attributes);
    return await this.#doing('write the object', key, async () => {
      const writer = this.#writer(key);
      const staged = await writer.stage();
      try {
        await writeStaged(staged, data);
        const written = await writer.change(signal, async (state) => {
          const current = currentOf(state);
          const holds = condition === 'absent' ? current === undefined : current?.tag === condition.tag;
          return holds ? asCurrent(await writer.commit(staged, state)) : undefined;
        });
        return written ?? (await this.#ownWrite(key, data, signal));
      } finally {
        await writer.drop(staged);
      }
    });
  }

  async upload(files: readonly FileUpload[], options: UploadOptions): Promise<readonly UploadedObject[]> {
    refuseAttributes(options.attributes);
    const sizes = files.map(({ identity }) => identity.size);
    return await withProgress(sizes, options.onProgress, async (progress) =>
      inParallel(files, FILES_AT_ONCE, options.signal, async (file, signal) => {
        const onBytes = (bytes: number): void => {
          progress.bytesDone += bytes;
        };
        const upload = { root: this.#root, url: this.url, onBytes, signal };
        const uploaded = await this.#doing('store the file', file.key, async () => await uploadFile(file, upload));
        progress.filesDone++;
        return uploaded;
      }),
    );
  }

  async fetch(objects: readonly ObjectFetch[], options: TransferOptions): Promise<readonly HashedFile[]> {
    return await fetchAll(objects, (object) => this.#locate(object), options);
  }

  async attestationTrust(): Promise<AttestationTrust> {
    return { kind: 'none', reason: NO_CHECKSUMS };
  }

  async attest(): Promise<Attestation> {
    return { kind: 'unproven', reason: NO_CHECKSUMS };
  }

  async restore(object: PartedObject, attributes?: ObjectAttributes, signal?: AbortSignal): Promise<CurrentObject> {
    refuseAttributes(attributes);
    return await this.#doing('restore the object', object.key, async () => {
      const writer = this.#writer(object.key);
      const { path } = await this.#locateKept(object);
      const staged = await writer.stage();
      try {
        await stageVersion(object, path, staged, signal);
        return asCurrent(await writer.change(signal, async (state) => await writer.commit(staged, state)));
      } finally {
        await writer.drop(staged);
      }
    });
  }

  async remove(object: ObjectVersion, signal?: AbortSignal): Promise<void> {
    await this.#doing('remove the object', object.key, async () => {
      const writer = this.#writer(object.key);
      await writer.change(signal, async (state) => {
        const kept = state.versions.find((version) => versionId(version) === object.version);
        if (kept !== undefined) return await writer.remove(kept, state);
        if (currentVersion(state) === object.version) await writer.show(state.versions[0]);
      });
    });
  }

  async abandonedUploads(prefix: string, signal?: AbortSignal): Promise<readonly AbandonedUpload[]> {
    return await this.#doing('list the store', prefix, async () => {
      const abandoned: AbandonedUpload[] = [];
      for await (const key of new LocalWalk(this.#root, signal).keys(prefix)) {
        const { versions } = placeOf(this.#root, key);
        for (const id of await namesIn(versions)) {
          if (!id.endsWith(`.${STAGED}`) || ownerState(id) === 'alive') continue;
          const stats = await lstatOf(join(versions, id));
          if (stats?.isFile()) abandoned.push({ key, id, started: stats.birthtime });
        }
      }
      return abandoned;
    });
  }

  async abandon({ key, id }: AbandonedUpload): Promise<void> {
    await this.#doing('remove the upload', key, async () => {
      const { versions } = placeOf(this.#root, key);
      if (!(await namesIn(versions)).includes(id) || !id.endsWith(`.${STAGED}`)) return;
      await this.#writer(key).drop(join(versions, id));
    });
  }

  async close(): Promise<void> {}

  async #state(key: string): Promise<KeyState> {
    return await readState(this.#root, placeOf(this.#root, key));
  }

  #writer(key: string): KeyWriter {
    return new KeyWriter(this.#root, placeOf(this.#root, key));
  }

  #subject(key: string): string {
    return `${this.url}/${key}`;
  }

  /** The file that shows what a version holds: the one that plain readers open, where it is a copy of that version. */
  async #locate(object: ObjectVersion): Promise<VersionFile> {
    const place = placeOf(this.#root, object.key);
    const visible = await lstatBelow(this.#root, place.segments);
    const version = NUMBER.test(object.version) ? await lstatOf(join(place.versions, object.version)) : undefined;
    const isVisible =
      visible !== undefined && (version === undefined ? unversioned(visible) === object.version : isSameFile(visible, version));
    if (isVisible && !visible.isFile()) throw notAFile(place.path);
    return isVisible ? await fileAt(place.path) : await this.#locateKept(object);
  }

  /** The file that keeps a version. */
  async #locateKept(object: ObjectVersion): Promise<VersionFile> {
    const { place, versions, visible } = await this.#state(object.key);
    const kept = versions.find((version) => versionId(version) === object.version);
    if (kept !== undefined && !kept.isDeleted) return await fileAt(join(place.versions, kept.name));
    if (visible?.isFile() && unversioned(visible) === object.version) return await fileAt(place.path);
    throw missing(this.#subject(object.key), object.version);
  }

  /** The current version, where it holds what was to be written: an earlier attempt was answered by nobody. */
  async #ownWrite(key: string, data: Uint8Array, signal: AbortSignal | undefined): Promise<CurrentObject | undefined> {
    const current = await this.current(key, signal);
    if (current?.size !== data.length) return undefined;
    return Buffer.compare(await this.read(current, data.length, signal), data) === 0 ? current : undefined;
  }

  async #doing<T>(action: string, key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fileError(error, action, this.#subject(key));
    }
  }
}

async function fileAt(path: string): Promise<VersionFile> {
  return { path, identity: identityOf(await lstat(path)) };
}

async function writeStaged(path: string, data: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await handle.writeFile(data);
  } finally {
    await handle.close();
  }
  await sealStaged(path, (await lstat(path)).mode);
}

function asCurrent(object: StoredObject): CurrentObject {
  return { ...object, tag: object.version };
}

function currentVersion(state: KeyState): string | undefined {
  return entriesOf(state).find(({ isCurrent }) => isCurrent)?.version;
}

function refuseAttributes(attributes: ObjectAttributes = {}): void {
  const [asked] = Object.entries(attributes).find(([, value]) => value !== undefined) ?? [];
  if (asked === undefined) return;
  throw refused('attribute-unsupported', 'a local store has no encryption, storage classes, tags or locks of its own', {
    subject: asked,
    suggestions: ['leave it out, or use a bucket'],
  });
}

function tooLarge(subject: string, maxBytes: number, size: number): Error {
  return refused('object-too-large', 'the object is larger than mlsign reads', {
    subject,
    expected: `at most ${maxBytes} bytes`,
    got: `${size} bytes`,
  });
}

function missing(subject: string, version: string): Error {
  return unavailable('object-missing', 'there is no such version of the object', {
    subject,
    expected: `version ${version}`,
    got: 'nothing',
    suggestions: ['it was removed: push the model again, or use another release'],
  });
}
