import { S3Client, type StoreConnection } from '../aws/index.ts';
import type { HashedFile } from '../digest/index.ts';
import { attestObject } from './s3-attest.ts';
import { S3Bucket } from './s3-bucket.ts';
import { fetchObjects } from './s3-download.ts';
import { areEqual } from './s3-file.ts';
import { listFolders, listUploads, listVersions } from './s3-listing.ts';
import { MultipartUpload } from './s3-multipart.ts';
import { readRange } from './s3-range.ts';
import { restoreObject } from './s3-restore.ts';
import { uploadFiles } from './s3-upload.ts';
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

/** How the alias of an Object Lambda access point ends: what it gives is what a function makes of the bytes. */
const OBJECT_LAMBDA = '--ol-s3';

/** A bucket of S3, or of a server that speaks its protocol. */
export class S3Store implements Store {
  readonly kind = 's3';
  readonly url: string;
  readonly #client: S3Client;
  readonly #bucket: S3Bucket;

  constructor(bucket: string, connection: StoreConnection) {
    this.#client = new S3Client(connection);
    this.#bucket = new S3Bucket(this.#client, bucket);
    this.url = this.#bucket.url;
  }

  current(key: string, signal?: AbortSignal): Promise<CurrentObject | undefined> {
    return this.#bucket.current(key, signal);
  }

  history(prefix: string, signal?: AbortSignal): AsyncIterable<HistoryEntry> {
    return listVersions(this.#bucket, prefix, signal);
  }

  folders(prefix: string, signal?: AbortSignal): Promise<readonly string[]> {
    return listFolders(this.#bucket, prefix, signal);
  }

  read(object: ObjectVersion, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#bucket.read(object, maxBytes, signal);
  }

  readRange(object: StoredObject, start: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
    return readRange(this.#bucket, object, start, into, signal);
  }

  write(
    key: string,
    data: Uint8Array,
    condition: Condition,
    attributes?: ObjectAttributes,
    signal?: AbortSignal,
  ): Promise<CurrentObject | undefined> {
    return this.#bucket.write(key, data, condition, attributes, signal);
  }

  async upload(files: readonly FileUpload[], options: UploadOptions): Promise<readonly UploadedObject[]> {
    const { url: endpoint } = await this.#client.endpointOf(this.#bucket.name, options.signal);
    return uploadFiles({ bucket: this.#bucket, endpoint, holds: this.#holds }, files, options);
  }

  fetch(objects: readonly ObjectFetch[], options: TransferOptions): Promise<readonly HashedFile[]> {
    return fetchObjects(this.#bucket, objects, options);
  }

  async attestationTrust(): Promise<AttestationTrust> {
    if (this.#bucket.name.endsWith(OBJECT_LAMBDA)) return { kind: 'none', reason: 'an Object Lambda makes what is read there' };
    const { isAws, url } = await this.#client.endpointOf(this.#bucket.name);
    return isAws ? { kind: 'sound' } : { kind: 'endpoint', endpoint: url };
  }

  attest(object: PartedObject, signal?: AbortSignal): Promise<Attestation> {
    return attestObject(this.#bucket, object, signal);
  }

  restore(object: PartedObject, attributes?: ObjectAttributes, signal?: AbortSignal): Promise<CurrentObject> {
    return restoreObject(this.#bucket, object, attributes, this.#holds, signal);
  }

  hide(key: string, signal?: AbortSignal): Promise<VersionId> {
    return this.#bucket.hide(key, signal);
  }

  remove(object: ObjectVersion, signal?: AbortSignal): Promise<void> {
    return this.#bucket.remove(object, signal);
  }

  abandonedUploads(prefix: string, signal?: AbortSignal): Promise<readonly AbandonedUpload[]> {
    return listUploads(this.#bucket, prefix, signal);
  }

  abandon({ key, id }: AbandonedUpload, signal?: AbortSignal): Promise<void> {
    return new MultipartUpload(this.#bucket, key, id).abort(signal);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Whether a version holds just these parts: by S3's checksums, else by its bytes. */
  readonly #holds = async (object: PartedObject, signal: AbortSignal | undefined): Promise<boolean> => {
    const attestation = await attestObject(this.#bucket, object, signal);
    if (attestation.kind !== 'unproven') return attestation.kind === 'attested';
    const shardSize = object.size === 0 ? undefined : object.partSize;
    const [read] = await fetchObjects(this.#bucket, [{ object, algorithm: 'sha256', shardSize }], { signal });
    if (read === undefined || 'error' in read) throw read?.error ?? new Error('an object without an answer');
    return areEqual(read.digests, object.parts);
  };
}
