import type { HashType, OnProgress } from '../core/index.ts';
import type { FileIdentity, HashedFile } from '../digest/index.ts';

declare const versionBrand: unique symbol;

/** What tells one version of an object from another, as the store gave it. */
export type VersionId = string & { readonly [versionBrand]: true };

/** An object in a bucket that has no version of its own has this one, which the next write replaces. */
export const NULL_VERSION = 'null';

/** One version of one object. Whatever is read is asked for in this way, never by key alone. */
export interface ObjectVersion {
  readonly key: string;
  readonly version: VersionId;
}

/** A version that is there. */
export interface StoredObject extends ObjectVersion {
  /** Bytes. */
  readonly size: number;
}

/** The version that a reader who knows of no versions gets. */
export interface CurrentObject extends StoredObject {
  /** What a conditional write compares (S3's ETag); never a digest of the content. */
  readonly tag: string;
}

/** One entry in the history of a key. */
export interface HistoryEntry extends StoredObject {
  /** Whether it is what a reader who knows of no versions gets; where it is deleted, that reader gets nothing. */
  readonly isCurrent: boolean;
  /** A delete marker: no bytes. */
  readonly isDeleted: boolean;
  readonly modified: Date;
}

/** An object whose parts have known digests. */
export interface PartedObject extends StoredObject {
  /** Bytes of every part but the last; at least the size where there is one part. */
  readonly partSize: number;
  /** SHA-256 of each part, lower-case hex, in their order: one at least, also for an object of no bytes. */
  readonly parts: readonly string[];
}

/** How an object's content is signed by the model's signers: what its digests are over. */
export interface SignedContent {
  readonly algorithm: HashType;
  /** Bytes a shard; the whole file unless given. */
  readonly shardSize?: number | undefined;
  /** Lower-case hex: one, or one a shard (none for a file of no bytes in shards). */
  readonly digests: readonly string[];
}

/** A file that goes into the store. */
export interface FileUpload {
  readonly key: string;
  /** Absolute, or relative to the working directory. */
  readonly path: string;
  /** The file as it was listed: it must still be that one, and stay so until it is sent. */
  readonly identity: FileIdentity;
  /** What its bytes must be. */
  readonly signed: SignedContent;
}

/** What became of a {@link FileUpload}. */
export interface UploadedObject extends PartedObject {
  /** Whether the store already held these very bytes, so that none were sent. */
  readonly isReused: boolean;
}

/** An object that is read whole: to disk, or only to be hashed. */
export interface ObjectFetch {
  readonly object: PartedObject;
  /** Where the bytes go: a new file, or one that an interrupted run left, of which what is right is kept. Only hashed unless given. */
  readonly path?: string | undefined;
  readonly algorithm: HashType;
  readonly shardSize?: number | undefined;
  /** The signed digests, where they are known: bytes that differ may have changed on their way, and are read once more. */
  readonly expected?: readonly string[] | undefined;
}

/** How objects are stored; where the store knows nothing of it, it is refused. */
export interface ObjectAttributes {
  /** KMS key for server-side encryption: id, ARN or alias. */
  readonly sseKmsKey?: string | undefined;
  readonly storageClass?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly retention?: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly until: Date } | undefined;
  readonly legalHold?: boolean | undefined;
}

/** What every long operation of a store takes. */
export interface TransferOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** `absent`: the key must have no current version. A tag: the current version must be the one that had it. */
export type Condition = 'absent' | { readonly tag: string };

/** Why S3's own checksums do, or do not, prove what an object holds. */
export type Attestation =
  | { readonly kind: 'attested' }
  /** The store computed other digests, or another size: the bytes are not those. */
  | { readonly kind: 'differs'; readonly expected: string; readonly got: string }
  /** Nothing is proven either way, and why. */
  | { readonly kind: 'unproven'; readonly reason: string };

/** What a store can prove of its own objects, before any is asked about. */
export type AttestationTrust =
  /** AWS itself, over verified TLS. */
  | { readonly kind: 'sound' }
  /** Somebody else answers: sound only where the policy or the user believes this endpoint. */
  | { readonly kind: 'endpoint'; readonly endpoint: string }
  /** Never: a local directory, an Object Lambda. */
  | { readonly kind: 'none'; readonly reason: string };

/**
 * Versioned objects by key. Both implementations behave alike, as one contract suite shows. Keys are relative to the store
 * and made by `layoutOf` alone.
 *
 * Errors, all MlsignError: `object-missing`, `object-forbidden`, `object-too-large`, `bucket-missing`, `bucket-unversioned`
 * (refused), `store-full`, `interrupted`, and what `awsError` and `fileError` give.
 */
export interface Store {
  readonly kind: 's3' | 'local';
  /** `s3://bucket` or `file:/srv/models`; with `/` and a key it names an object. */
  readonly url: string;

  /** What a plain reader gets for a key; undefined where that is nothing, or a delete marker. */
  current(key: string, signal?: AbortSignal): Promise<CurrentObject | undefined>;

  /** The history of every key with a prefix: keys in code point order, newest first within one. */
  history(prefix: string, signal?: AbortSignal): AsyncIterable<HistoryEntry>;

  /** The names directly beneath a prefix that have something beneath them, without `/`, deleted things included; in code point order. */
  folders(prefix: string, signal?: AbortSignal): Promise<readonly string[]>;

  /**
   * The bytes of a small object.
   *
   * @throws `object-too-large` before reading more than `maxBytes`
   */
  read(object: ObjectVersion, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array>;

  /**
   * Fills a buffer, not an empty one, with the bytes of a version from `start` on.
   *
   * @throws `object-truncated` where the version is not of the size given
   */
  readRange(object: StoredObject, start: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;

  /**
   * Writes a small object, where the condition holds. Made again after an answer that never came, it finds its own write
   * (the same bytes) and says so.
   *
   * @returns the version written; undefined where the condition does not hold
   * @throws `bucket-unversioned` where it comes back without a version: it is removed again
   */
  write(
    key: string,
    data: Uint8Array,
    condition: Condition,
    attributes?: ObjectAttributes,
    signal?: AbortSignal,
  ): Promise<CurrentObject | undefined>;

  /**
   * Puts files under keys that hold nothing yet, each read once: hashed while it is sent, compared with what is signed, and
   * never visible unless it is that. What already lies there with the right bytes is left as it is. Interrupted uploads of
   * this client go on where they stopped (`resume` names the file that remembers them).
   *
   * @returns one for each file, in their order
   * @throws `file-changed` where a file is not what was signed, `object-exists` where a key holds other bytes
   */
  upload(files: readonly FileUpload[], options: UploadOptions): Promise<readonly UploadedObject[]>;

  /**
   * Reads objects whole, hashed in the way asked for, several at once.
   *
   * @returns one for each object, in their order: digests to be compared by the caller, or why there are none (`object-missing`,
   *   `object-forbidden`, `object-truncated`, …). The file at `path` is complete and synced where there are digests.
   */
  fetch(objects: readonly ObjectFetch[], options: TransferOptions): Promise<readonly HashedFile[]>;

  /** How far {@link Store.attest} can be believed. */
  attestationTrust(): Promise<AttestationTrust>;

  /** Whether the store's own checksums prove that a version holds exactly these parts, without reading it. */
  attest(object: PartedObject, signal?: AbortSignal): Promise<Attestation>;

  /**
   * Makes a version's bytes the current ones, as a new version with the same parts; nothing is removed.
   *
   * @returns the new version
   */
  restore(object: PartedObject, attributes?: ObjectAttributes, signal?: AbortSignal): Promise<CurrentObject>;

  /**
   * Gives plain readers nothing for a key, by a delete marker; every version that has an id stays.
   *
   * @returns the marker
   */
  hide(key: string, signal?: AbortSignal): Promise<VersionId>;

  /** Removes one version for good. */
  remove(object: ObjectVersion, signal?: AbortSignal): Promise<void>;

  /** Uploads that were begun beneath a prefix and never ended, by anybody. */
  abandonedUploads(prefix: string, signal?: AbortSignal): Promise<readonly AbandonedUpload[]>;
  abandon(upload: AbandonedUpload, signal?: AbortSignal): Promise<void>;

  /** Ends every connection. */
  close(): Promise<void>;
}

/** How files go into the store. */
export interface UploadOptions extends TransferOptions {
  readonly attributes?: ObjectAttributes | undefined;
  /** The file in which this client remembers uploads that it began, so that a later run goes on with them and with no others. */
  readonly resume?: string | undefined;
}

/** An upload that nobody has completed. */
export interface AbandonedUpload {
  readonly key: string;
  /** The store's own name for it. */
  readonly id: string;
  readonly started: Date;
}
