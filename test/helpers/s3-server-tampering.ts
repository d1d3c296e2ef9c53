import { createHash } from 'node:crypto';
import { type Bucket, etagOf, type StoredVersion, type VersionDraft } from './s3-server-bucket.ts';
import { Bytes } from './s3-server-bytes.ts';
import { knownChecksum } from './s3-server-objects.ts';
import type { ObjectSettings } from './s3-server-settings.ts';

const PLAIN: ObjectSettings = {
  contentType: 'binary/octet-stream',
  metadata: new Map(),
  storageClass: 'STANDARD',
  tags: new Map(),
  encryption: { algorithm: 'AES256', bucketKey: false },
  retention: undefined,
  legalHold: false,
};

/** What is done to a bucket behind the back of its clients: by somebody else, or by nobody. */
export class S3Tampering {
  readonly #bucket: Bucket;
  readonly #clock: () => Date;

  constructor(bucket: Bucket, clock: () => Date) {
    this.#bucket = bucket;
    this.#clock = clock;
  }

  /** Every version of a key, newest first. */
  history(key: string): readonly StoredVersion[] {
    return this.#bucket.versions(key);
  }

  /** Keys with a current version. */
  keys(prefix = ''): readonly string[] {
    return this.#bucket.keys().filter((key) => key.startsWith(prefix) && this.history(key)[0]?.content !== undefined);
  }

  /** The bytes of a version, or of the current one. */
  async read(key: string, version?: string): Promise<Buffer> {
    const found = this.history(key).find(({ id }, index) => (version === undefined ? index === 0 : id === version));
    if (found?.content === undefined) throw new Error(`there is no ${key} ${version ?? ''}`);
    return found.content.bytes.buffer();
  }

  /** Puts other bytes on top, as anybody may who can write. */
  overwrite(key: string, data: Uint8Array | string): StoredVersion {
    return this.#bucket.put(key, this.#draft(data));
  }

  /** Puts a byte under each of many keys. */
  flood(keys: Iterable<string>): void {
    const draft = this.#draft('x');
    for (const key of keys) this.#bucket.put(key, draft);
  }

  #draft(data: Uint8Array | string): VersionDraft {
    const bytes = Bytes.of(Buffer.from(data));
    const md5 = createHash('md5').update(data).digest();
    const checksum = { algorithm: 'SHA256', type: 'FULL_OBJECT', value: createHash('sha256').update(data).digest('base64') } as const;
    return { bytes, etag: etagOf(md5, PLAIN), checksum, parts: undefined, settings: PLAIN, modified: this.#clock() };
  }

  /** Deletes a key, as anybody may who can write: with versions, a delete marker. */
  deleteMarker(key: string): StoredVersion | undefined {
    return this.#bucket.delete(key, this.#clock());
  }

  /** Removes a version for good, locked or not. */
  erase(key: string, version: string): void {
    this.#bucket.erase(key, version);
  }

  /** Changes one byte of a version in place: its checksums and its tag stay what they were. */
  async corrupt(key: string, version: string, offset = 0): Promise<void> {
    const stored = this.history(key).find(({ id }) => id === version);
    const content = stored?.content;
    if (stored === undefined || content === undefined || offset >= content.bytes.size)
      throw new Error(`there is no byte ${offset} of ${key}`);
    const [byte = 0] = await content.bytes.slice(offset, offset + 1).buffer();
    const bytes = Bytes.concat([
      content.bytes.slice(0, offset),
      Bytes.of(Buffer.of(byte ^ 1)),
      content.bytes.slice(offset + 1, content.bytes.size),
    ]);
    stored.content = { ...content, bytes, checksum: await knownChecksum(content) };
  }
}
