import { createHash, randomBytes } from 'node:crypto';
import { preconditionFailed, S3Refusal } from './s3-server-answer.ts';
import type { Bytes } from './s3-server-bytes.ts';
import type { Checksum, ChecksumAlgorithm, ChecksumType } from './s3-server-checksums.ts';
import { isLocked, type ObjectSettings } from './s3-server-settings.ts';

/** A part of an object, or of an upload. */
export interface StoredPart {
  readonly number: number;
  readonly bytes: Bytes;
  readonly etag: string;
  /** Base64, in the algorithm of the upload. */
  readonly checksum: string | undefined;
  readonly modified: Date;
}

/** What becomes a version. */
export interface VersionDraft {
  readonly bytes: Bytes;
  readonly etag: string;
  /** Undefined where the client gave none: S3 then has a CRC64NVME of its own. */
  readonly checksum: Checksum | undefined;
  /** Undefined for an object that came in one piece. */
  readonly parts: readonly StoredPart[] | undefined;
  readonly settings: ObjectSettings;
  readonly modified: Date;
}

/** A version of an object: with a content, or a delete marker without one. */
export interface StoredVersion {
  readonly key: string;
  readonly id: string;
  readonly modified: Date;
  /** Undefined for a delete marker. */
  content: VersionDraft | undefined;
}

/** An upload in parts that is under way. */
export interface StoredUpload {
  readonly id: string;
  readonly key: string;
  readonly started: Date;
  readonly settings: ObjectSettings;
  /** Undefined where the client chose none. */
  readonly algorithm: ChecksumAlgorithm | undefined;
  readonly type: ChecksumType;
  readonly parts: Map<number, StoredPart>;
}

/** How a bucket is set up. */
export interface BucketOptions {
  readonly versioning?: 'Enabled' | 'Suspended' | 'Off';
  readonly objectLock?: boolean;
  /** Where it is, if not where the server is. */
  readonly region?: string;
  readonly owner?: string;
}

/** `If-None-Match: *` and `If-Match` of a write. */
export interface WriteCondition {
  readonly ifNoneMatch: string | undefined;
  readonly ifMatch: string | undefined;
}

/** A bucket and all that is in it. */
export class Bucket {
  readonly name: string;
  readonly region: string;
  readonly owner: string;
  readonly objectLock: boolean;
  versioning: 'Enabled' | 'Suspended' | 'Off';
  /** Newest first. */
  readonly #versions = new Map<string, StoredVersion[]>();
  /** The keys in order; undefined where it must be found out again. */
  #sorted: readonly string[] | undefined;
  readonly uploads = new Map<string, StoredUpload>();

  constructor(name: string, place: { readonly region: string; readonly owner: string }, options: BucketOptions) {
    this.name = name;
    this.region = options.region ?? place.region;
    this.owner = options.owner ?? place.owner;
    this.objectLock = options.objectLock ?? false;
    this.versioning = options.versioning ?? 'Enabled';
  }

  /** In the order of S3: of the bytes of the keys in UTF-8. */
  keys(): readonly string[] {
    this.#sorted ??= [...this.#versions.keys()].sort(compareKeys);
    return this.#sorted;
  }

  versions(key: string): readonly StoredVersion[] {
    return this.#versions.get(key) ?? [];
  }

  /** Puts a version on top, where the condition holds at this moment. */
  put(key: string, content: VersionDraft, condition?: WriteCondition): StoredVersion {
    const [current] = this.versions(key);
    if (condition?.ifNoneMatch !== undefined && current?.content !== undefined) throw preconditionFailed('If-None-Match');
    if (condition?.ifMatch !== undefined) {
      if (current?.content === undefined) throw noSuchKey(key);
      if (!sameTag(condition.ifMatch, current.content.etag)) throw preconditionFailed('If-Match');
    }
    return this.#push({ key, id: this.#newId(), modified: content.modified, content });
  }

  /** What a deletion without a version does. */
  delete(key: string, modified: Date): StoredVersion | undefined {
    if (this.versioning !== 'Off') return this.#push({ key, id: this.#newId(), modified, content: undefined });
    this.#set(key, []);
    return undefined;
  }

  /** Removes a version for good. */
  remove(key: string, id: string, now: Date, bypassesGovernance: boolean): StoredVersion | undefined {
    const version = this.versions(key).find((candidate) => candidate.id === id);
    if (version?.content !== undefined && isLocked(version.content.settings, now, bypassesGovernance)) {
      throw new S3Refusal(403, 'AccessDenied', 'Access Denied because object protected by object lock.');
    }
    this.erase(key, id);
    return version;
  }

  #newId(): string {
    return this.versioning === 'Enabled' ? randomBytes(24).toString('base64url') : 'null';
  }

  #push(version: StoredVersion): StoredVersion {
    if (version.id === 'null') this.erase(version.key, 'null');
    this.#set(version.key, [version, ...this.versions(version.key)]);
    return version;
  }

  /** Removes a version, whatever holds it. */
  erase(key: string, id: string): void {
    this.#set(
      key,
      this.versions(key).filter((version) => version.id !== id),
    );
  }

  #set(key: string, versions: StoredVersion[]): void {
    if (this.#versions.has(key) !== versions.length > 0) this.#sorted = undefined;
    if (versions.length === 0) this.#versions.delete(key);
    else this.#versions.set(key, versions);
  }
}

export function noSuchKey(key: string): S3Refusal {
  return new S3Refusal(404, 'NoSuchKey', 'The specified key does not exist.', { fields: [['Key', key]] });
}

export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Whether a header such as `If-Match` names a tag; with or without quotes. */
export function sameTag(given: string, etag: string): boolean {
  return given.replaceAll('"', '') === etag.replaceAll('"', '');
}

/** The tag of an object: the MD5 of its bytes, but only where nothing is encrypted with a key of KMS. */
export function etagOf(md5: Buffer, settings: ObjectSettings): string {
  return settings.encryption.algorithm === 'AES256' ? `"${md5.toString('hex')}"` : `"${randomBytes(16).toString('hex')}"`;
}

/** The tag of an object of parts. */
export function multipartEtag(parts: readonly StoredPart[]): string {
  const hash = createHash('md5');
  for (const { etag } of parts) hash.update(Buffer.from(etag.replaceAll('"', ''), 'hex'));
  return `"${hash.digest('hex')}-${parts.length}"`;
}
