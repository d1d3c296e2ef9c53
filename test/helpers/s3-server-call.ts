import { invalidArgument, S3Refusal } from './s3-server-answer.ts';
import { type ReceivedBody, receiveBody } from './s3-server-body.ts';
import { type Bucket, noSuchKey, type StoredVersion, type VersionDraft, type WriteCondition } from './s3-server-bucket.ts';
import type { ByteStore } from './s3-server-bytes.ts';
import type { S3Request } from './s3-server-request.ts';
import { type ObjectSettings, readSettings } from './s3-server-settings.ts';
import { parseXml, type XmlElement } from './s3-server-xml.ts';
import type { AwsPrincipal } from './sigv4.ts';

/** What all requests to one server have in common. */
export interface S3Place {
  readonly isSecure: boolean;
  readonly minPartSize: number;
  readonly clock: () => Date;
  readonly store: ByteStore;
  readonly buckets: ReadonlyMap<string, Bucket>;
  /** The ARN of each key of KMS, by every name that it has. */
  readonly kmsKeys: ReadonlyMap<string, string>;
}

/** A version with bytes. */
export interface FoundVersion extends StoredVersion {
  readonly content: VersionDraft;
}

const OF_BUCKETS = ['s3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads', 's3:GetBucketVersioning'];

/** A request of somebody who is known, for a bucket that is there. */
export class S3Call {
  readonly request: S3Request;
  readonly bucket: Bucket;
  readonly key: string;
  readonly place: S3Place;
  readonly #principal: AwsPrincipal;

  constructor(request: S3Request, bucket: Bucket, place: S3Place, principal: AwsPrincipal) {
    this.request = request;
    this.bucket = bucket;
    this.key = request.key;
    this.place = place;
    this.#principal = principal;
  }

  header(name: string): string | undefined {
    return this.request.headers.get(name);
  }

  parameter(name: string): string | undefined {
    return this.request.query.get(name);
  }

  get now(): Date {
    return this.place.clock();
  }

  /** Whether the caller has leave for an action on a resource; of S3 unless an ARN is given. */
  may(action: string, resource = this.#resource(action)): boolean {
    const { allow, deny = [] } = this.#principal;
    const isIn = (grants: readonly string[]) =>
      grants.some((grant) => {
        const [actions = '', resources = '*'] = grant.split(' ');
        return matches(actions, action) && matches(resources, resource);
      });
    return isIn(allow) && !isIn(deny);
  }

  demand(action: string, resource = this.#resource(action)): void {
    if (!this.may(action, resource)) throw this.denied(action, resource);
  }

  denied(action: string, resource = this.#resource(action)): S3Refusal {
    const arn = action.startsWith('kms:') ? resource : `arn:aws:s3:::${resource}`;
    const message = `User: ${this.#principal.arn} is not authorized to perform: ${action} on resource: "${arn}"`;
    return new S3Refusal(403, 'AccessDenied', `${message} because no identity-based policy allows the ${action} action`);
  }

  /** The version that is asked for, where the caller may know of it. */
  find(bucket: Bucket, key: string, id: string | undefined): FoundVersion {
    const resource = `${bucket.name}/${key}`;
    this.demand(id === undefined ? 's3:GetObject' : 's3:GetObjectVersion', resource);
    if (id !== undefined) checkVersionId(id);
    const [newest] = bucket.versions(key);
    const version = id === undefined ? newest : bucket.versions(key).find((candidate) => candidate.id === id);
    if (version === undefined || (id === undefined && version.content === undefined)) {
      const needed = id === undefined ? 's3:ListBucket' : 's3:ListBucketVersions';
      if (!this.may(needed, bucket.name)) throw this.denied(needed, bucket.name);
    }
    if (version === undefined) {
      if (id === undefined) throw noSuchKey(key);
      throw new S3Refusal(404, 'NoSuchVersion', 'The specified version does not exist.', {
        fields: [
          ['Key', key],
          ['VersionId', id],
        ],
      });
    }
    const { content } = version;
    if (content !== undefined) return { ...version, content };
    const headers = { 'x-amz-delete-marker': 'true', 'x-amz-version-id': version.id };
    const fields = [['Key', key] as const];
    if (id === undefined) throw new S3Refusal(404, 'NoSuchKey', 'The specified key does not exist.', { fields, headers });
    const more = { fields, headers: { ...headers, allow: 'DELETE' } };
    throw new S3Refusal(405, 'MethodNotAllowed', 'The specified method is not allowed against this resource.', more);
  }

  /** How a new object is to be stored; checks what that needs. */
  settings(): ObjectSettings {
    const settings = readSettings(this.request, { objectLock: this.bucket.objectLock, kmsKeys: this.place.kmsKeys, now: this.now });
    this.demand('s3:PutObject');
    if (settings.tags.size > 0) this.demand('s3:PutObjectTagging');
    if (settings.retention !== undefined) this.demand('s3:PutObjectRetention');
    if (this.header('x-amz-object-lock-legal-hold') !== undefined) this.demand('s3:PutObjectLegalHold');
    this.useKey('kms:GenerateDataKey', settings);
    return settings;
  }

  /** Checks that the caller may use the key that an object is encrypted with. */
  useKey(action: 'kms:GenerateDataKey' | 'kms:Decrypt', { encryption }: ObjectSettings): void {
    if (encryption.key !== undefined) this.demand(action, encryption.key);
  }

  /** The condition of a write. */
  condition(): WriteCondition {
    const condition = { ifNoneMatch: this.header('if-none-match'), ifMatch: this.header('if-match') };
    if (condition.ifNoneMatch !== undefined && condition.ifNoneMatch !== '*') {
      throw new S3Refusal(501, 'NotImplemented', 'A header you provided implies functionality that is not implemented', {
        fields: [['Header', 'If-None-Match']],
      });
    }
    if (condition.ifMatch !== undefined) this.demand('s3:GetObject');
    return condition;
  }

  /** The header that names a version; buckets that never had any have none. */
  versionHeader({ id }: { readonly id: string }): Readonly<Record<string, string | undefined>> {
    return { 'x-amz-version-id': this.bucket.versioning === 'Off' ? undefined : id };
  }

  async receive(): Promise<ReceivedBody> {
    return receiveBody(this.request, this.place.store, this.place.isSecure, true);
  }

  /** @param isChecked whether a checksum in the headers is that of the document, and not of the object it is about */
  async receiveXml(root: string, isChecked: boolean): Promise<XmlElement> {
    const { bytes } = await receiveBody(this.request, this.place.store, this.place.isSecure, isChecked);
    if (bytes.size > 2 * 1024 * 1024) throw new S3Refusal(400, 'MaxMessageLengthExceeded', 'Your request was too large.');
    return parseXml((await bytes.buffer()).toString(), root);
  }

  #resource(action: string): string {
    return OF_BUCKETS.includes(action) ? this.bucket.name : `${this.bucket.name}/${this.key}`;
  }
}

/** Version ids have one form; anything else is not merely unknown. */
export function checkVersionId(id: string): void {
  if (id !== 'null' && !/^[A-Za-z0-9._-]{32}$/.test(id)) throw invalidArgument('Invalid version id specified', 'versionId', id);
}

function matches(pattern: string, text: string): boolean {
  const source = pattern.split('*').map((literal) => literal.replace(/[\\^$.+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}$`, 's').test(text);
}
