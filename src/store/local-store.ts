import { lstat, unlink } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileError, throwIfAborted } from '../core/index.ts';
import { type HashedFile, identityOf } from '../digest/index.ts';
import { inParallel } from './in-parallel.ts';
import { KeyWriter, writeStaged } from './local-commit.ts';
import { notAFile } from './local-copy.ts';
import { fetchAll, type VersionFile } from './local-fetch.ts';
import { lstatBelow, lstatOf, placeOf, versionNames } from './local-files.ts';
import { LocalFolders } from './local-folders.ts';
import { ownerState } from './local-owner.ts';
import { objectMissing, objectTooLarge, objectTruncated, refuseAttributes } from './local-refusals.ts';
import { currentOf, entriesOf, isSameFile, type KeyState, readState, STAGED, unversioned, versionId } from './local-state.ts';
import { stageVersion, uploadFile } from './local-upload.ts';
import { LocalWalk } from './local-walk.ts';
import { openFound } from './open-found.ts';
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
  VersionId,
} from './store.ts';
import { withProgress } from './transfer-progress.ts';

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
      const handle = await openFound(() => this.#shownFile(object));
      try {
        const { size } = await handle.stat();
        if (size > maxBytes) throw objectTooLarge(this.#subject(object.key), maxBytes, size);
        const buffer = Buffer.alloc(size + 1);
        let length = 0;
        for (;;) {
          const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
          length += bytesRead;
          if (bytesRead === 0) return buffer.subarray(0, length);
          if (length > size) throw objectTooLarge(this.#subject(object.key), size, length);
        }
      } finally {
        await handle.close();
      }
    });
  }

  async readRange(object: StoredObject, start: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    await this.#doing('read the object', object.key, async () => {
      throwIfAborted(signal);
      const handle = await openFound(() => this.#shownFile(object));
      try {
        const { size } = await handle.stat();
        if (size !== object.size) throw objectTruncated(this.#subject(object.key), object.size, size);
        for (let done = 0; done < into.length; ) {
          const { bytesRead } = await handle.read(into, done, into.length - done, start + done);
          if (bytesRead === 0) throw objectTruncated(this.#subject(object.key), object.size, start + done);
          done += bytesRead;
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
    return await this.#changing('write the object', key, async (writer) => {
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
    return await withProgress(sizes, options.onProgress, async (progress) => {
      const folders = new LocalFolders(this.#root);
      const onBytes = (bytes: number): void => {
        progress.bytesDone += bytes;
      };
      const uploaded = await inParallel(files, FILES_AT_ONCE, options.signal, async (file, signal) => {
        const upload = { root: this.#root, url: this.url, folders, onBytes, signal };
        const object = await this.#doing('store the file', file.key, async () => await uploadFile(file, upload));
        progress.filesDone++;
        return object;
      });
      await folders.sync();
      return uploaded;
    });
  }

  async fetch(objects: readonly ObjectFetch[], options: TransferOptions): Promise<readonly HashedFile[]> {
    // What is pulled is what was kept; what is verified where it lies is what plain readers get.
    const locate = async ({ object, path }: ObjectFetch): Promise<VersionFile> =>
      await (path === undefined ? this.#shownFile(object) : this.#keptFile(object));
    return await fetchAll(objects, locate, this.url, options);
  }

  async attestationTrust(): Promise<AttestationTrust> {
    return { kind: 'none', reason: NO_CHECKSUMS };
  }

  async attest(): Promise<Attestation> {
    return { kind: 'unproven', reason: NO_CHECKSUMS };
  }

  async restore(object: PartedObject, attributes?: ObjectAttributes, signal?: AbortSignal): Promise<CurrentObject> {
    refuseAttributes(attributes);
    return await this.#changing('restore the object', object.key, async (writer) => {
      const { path } = await this.#keptFile(object);
      const staged = await writer.stage();
      try {
        await stageVersion(object, path, staged, signal);
        return asCurrent(await writer.change(signal, async (state) => await writer.commit(staged, state)));
      } finally {
        await writer.drop(staged);
      }
    });
  }

  async hide(key: string, signal?: AbortSignal): Promise<VersionId> {
    return await this.#changing('hide the object', key, async (writer) => {
      return await writer.change(signal, async (state) => await writer.hide(state));
    });
  }

  async remove(object: ObjectVersion, signal?: AbortSignal): Promise<void> {
    await this.#changing('remove the object', object.key, async (writer) => {
      const isThere = ({ version }: HistoryEntry): boolean => version === object.version;
      if (!entriesOf(await this.#state(object.key)).some(isThere)) return;
      await writer.change(signal, async (state) => {
        const kept = state.versions.find((version) => versionId(version) === object.version);
        if (kept !== undefined) return await writer.remove(kept, state);
        if (entriesOf(state).some(isThere)) await writer.show(state.versions[0]);
      });
    });
  }

  async abandonedUploads(prefix: string, signal?: AbortSignal): Promise<readonly AbandonedUpload[]> {
    return await this.#doing('list the store', prefix, async () => {
      const abandoned: AbandonedUpload[] = [];
      for await (const key of new LocalWalk(this.#root, signal).keys(prefix)) {
        const place = placeOf(this.#root, key);
        for (const id of await versionNames(this.#root, place)) {
          if (!id.endsWith(`.${STAGED}`) || ownerState(id) === 'alive') continue;
          const stats = lstatOf(join(place.versions, id));
          if (stats?.isFile()) abandoned.push({ key, id, started: stats.birthtime });
        }
      }
      return abandoned;
    });
  }

  async abandon({ key, id }: AbandonedUpload): Promise<void> {
    await this.#doing('remove the upload', key, async () => {
      const place = placeOf(this.#root, key);
      const isThere = (await versionNames(this.#root, place)).includes(id);
      if (id.endsWith(`.${STAGED}`) && isThere) await unlink(join(place.versions, id));
    });
  }

  async close(): Promise<void> {}

  async #state(key: string): Promise<KeyState> {
    return await readState(this.#root, placeOf(this.#root, key));
  }

  #subject(key: string): string {
    return `${this.url}/${key}`;
  }

  /** The file that shows what a version holds: the one that plain readers open, where it is a copy of that version. */
  async #shownFile(object: ObjectVersion): Promise<VersionFile> {
    const place = placeOf(this.#root, object.key);
    const visible = lstatBelow(this.#root, place.segments);
    const version = NUMBER.test(object.version) ? lstatOf(join(place.versions, object.version)) : undefined;
    const isVisible =
      visible !== undefined && (version === undefined ? unversioned(visible) === object.version : isSameFile(visible, version));
    if (isVisible && !visible.isFile()) throw notAFile(place.path);
    return isVisible ? await fileAt(place.path) : await this.#keptFile(object);
  }

  /** The file that keeps a version. */
  async #keptFile(object: ObjectVersion): Promise<VersionFile> {
    const { place, versions, visible } = await this.#state(object.key);
    const kept = versions.find((version) => versionId(version) === object.version);
    if (kept !== undefined && !kept.isDeleted) return await fileAt(join(place.versions, kept.name));
    if (visible?.isFile() && unversioned(visible) === object.version) return await fileAt(place.path);
    throw objectMissing(this.#subject(object.key), object.version);
  }

  /** The current version, where it holds what was to be written: an earlier attempt was answered by nobody. */
  async #ownWrite(key: string, data: Uint8Array, signal: AbortSignal | undefined): Promise<CurrentObject | undefined> {
    const current = await this.current(key, signal);
    if (current?.size !== data.length) return undefined;
    return Buffer.compare(await this.read(current, data.length, signal), data) === 0 ? current : undefined;
  }

  /** Does what writes, and makes it durable. */
  async #changing<T>(action: string, key: string, work: (writer: KeyWriter) => Promise<T>): Promise<T> {
    return await this.#doing(action, key, async () => {
      const folders = new LocalFolders(this.#root);
      const result = await work(new KeyWriter(this.#root, placeOf(this.#root, key), folders));
      await folders.sync();
      return result;
    });
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

function asCurrent(object: StoredObject): CurrentObject {
  return { ...object, tag: object.version };
}
