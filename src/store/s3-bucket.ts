import { createHash } from 'node:crypto';
import { AnswerMalformed, isConditionFailed, isForbidden, isMissing, type S3Attempt, type S3Client, textOf } from '../aws/index.ts';
import { type MlsignError, refused } from '../core/index.ts';
import { attributeFields, checkEncryption } from './s3-attributes.ts';
import { BODY_PATIENCE, destroy, type ReadableBody, readBody } from './s3-body.ts';
import { type Condition, type CurrentObject, NULL_VERSION, type ObjectAttributes, type ObjectVersion, type VersionId } from './store.ts';

/** A key of a bucket, as requests name it. */
export interface KeyPlace {
  readonly Bucket: string;
  readonly Key: string;
}

/** What S3 says of an object that was written. */
interface Written {
  readonly version: VersionId;
  readonly tag: string;
}

/** One bucket: requests about single objects. */
export class S3Bucket {
  readonly name: string;
  readonly url: string;
  readonly client: S3Client;

  constructor(client: S3Client, name: string) {
    this.client = client;
    this.name = name;
    this.url = `s3://${name}`;
  }

  /** Makes a call about a key. */
  call<T>(
    action: string,
    key: string,
    request: (attempt: S3Attempt, place: KeyPlace) => Promise<T>,
    options: { readonly signal?: AbortSignal | undefined; readonly patience?: number } = {},
  ): Promise<T> {
    const place = { Bucket: this.name, Key: key };
    return this.client.call({ action, subject: this.subject(key) }, (attempt) => request(attempt, place), options);
  }

  /** The object as it is printed. */
  subject(key: string): string {
    return `${this.url}/${key}`;
  }

  /** What a plain reader gets; undefined where that is nothing. */
  async current(key: string, signal?: AbortSignal): Promise<CurrentObject | undefined> {
    // An answer to HEAD has no body: why there is nothing, GET tells.
    return (await this.peek(key, signal)) ?? (await this.#currentByGet(key, signal));
  }

  /** As {@link S3Bucket.current}; undefined also where S3 does not tell whether there is anything, or it is another's bucket. */
  peek(key: string, signal?: AbortSignal): Promise<CurrentObject | undefined> {
    return this.call(
      's3:GetObject',
      key,
      async ({ client, sdk, abortSignal }, place) => {
        try {
          return currentOf(key, await client.send(new sdk.HeadObjectCommand(place), { abortSignal }));
        } catch (error) {
          if (isMissing(error) || isSilent(error)) return undefined;
          throw error;
        }
      },
      { signal },
    );
  }

  #currentByGet(key: string, signal: AbortSignal | undefined): Promise<CurrentObject | undefined> {
    return this.call(
      's3:GetObject',
      key,
      async ({ client, sdk, abortSignal }, place) => {
        try {
          const answer = await client.send(new sdk.GetObjectCommand(place), { abortSignal });
          destroy(answer.Body);
          return currentOf(key, answer);
        } catch (error) {
          if (isMissing(error)) return undefined;
          throw error;
        }
      },
      { signal },
    );
  }

  /** The bytes of a version of a small object. */
  read({ key, version }: ObjectVersion, maxBytes: number, signal?: AbortSignal): Promise<Uint8Array> {
    return this.call(
      's3:GetObjectVersion',
      key,
      async ({ client, sdk, abortSignal, alive }, place) => {
        const answer = await client.send(new sdk.GetObjectCommand({ ...place, VersionId: version }), { abortSignal }).catch((error) => {
          // Another store's form of a version id is no version here.
          if (error instanceof Error && error.name === 'InvalidArgument') error.name = 'NoSuchVersion';
          throw error;
        });
        const size = answer.ContentLength;
        try {
          if (size === undefined || !isVersion(answer.VersionId, version)) throw new AnswerMalformed();
          if (size > maxBytes) throw tooLarge(this.subject(key), maxBytes, size);
          const bytes = new Uint8Array(size);
          await readBody(answer.Body, bytes, alive);
          return bytes;
        } finally {
          destroy(answer.Body);
        }
      },
      { signal },
    );
  }

  /**
   * Puts an object of one part, where a condition holds.
   *
   * @param sha256 of the body, in hex
   * @returns undefined where the condition does not hold
   * @throws MlsignError `bucket-unversioned`
   */
  async put(
    key: string,
    { body, size, sha256 }: { readonly body: () => Uint8Array | ReadableBody; readonly size: number; readonly sha256: string },
    condition: Condition,
    attributes: ObjectAttributes | undefined,
    signal: AbortSignal | undefined,
  ): Promise<CurrentObject | undefined> {
    const written = await this.call(
      's3:PutObject',
      key,
      async ({ client, sdk, abortSignal, alive }, place) => {
        const made = body();
        const command = new sdk.PutObjectCommand({
          ...place,
          ...attributeFields(attributes),
          ...(condition === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: condition.tag }),
          Body: made instanceof Uint8Array ? made : made.stream(alive),
          ContentLength: size,
          ChecksumSHA256: hexToBase64(sha256),
        });
        try {
          const answer = await client.send(command, { abortSignal });
          return { ...writtenOf(answer), encryption: answer.ServerSideEncryption };
        } catch (error) {
          if (isConditionFailed(error) || (condition !== 'absent' && isMissing(error))) return undefined;
          throw error;
        }
      },
      { signal, patience: BODY_PATIENCE },
    );
    if (written === undefined) return undefined;
    const { version, tag, encryption } = written;
    await this.insistOnVersion({ key, version });
    await this.orRemove({ key, version }, async () => checkEncryption(attributes, encryption, this.subject(key)));
    return { key, version, size, tag };
  }

  /** Writes a small object; after an answer that never came it finds its own write. */
  async write(
    key: string,
    data: Uint8Array,
    condition: Condition,
    attributes: ObjectAttributes | undefined,
    signal: AbortSignal | undefined,
  ): Promise<CurrentObject | undefined> {
    const sha256 = createHash('sha256').update(data).digest('hex');
    const written = await this.put(key, { body: () => data, size: data.length, sha256 }, condition, attributes, signal);
    if (written !== undefined) return written;
    const current = await this.current(key, signal);
    if (current === undefined || current.size !== data.length || current.version === NULL_VERSION) return undefined;
    const bytes = await this.read(current, data.length, signal);
    return Buffer.compare(bytes, data) === 0 ? current : undefined;
  }

  /** Puts a delete marker on a key. */
  async hide(key: string, signal?: AbortSignal): Promise<VersionId> {
    const marker = await this.call(
      's3:DeleteObject',
      key,
      async ({ client, sdk, abortSignal }, place) => {
        const { VersionId } = await client.send(new sdk.DeleteObjectCommand(place), { abortSignal });
        return versionOf(VersionId);
      },
      { signal },
    );
    if (marker === NULL_VERSION) throw this.unversioned();
    return marker;
  }

  /** Removes one version for good. */
  async remove({ key, version }: ObjectVersion, signal?: AbortSignal): Promise<void> {
    await this.call(
      's3:DeleteObjectVersion',
      key,
      async ({ client, sdk, abortSignal }, place) => {
        const command = new sdk.DeleteObjectCommand({ ...place, VersionId: version });
        await client.send(command, { abortSignal }).catch((error: unknown) => {
          if (!isMissing(error)) throw error;
        });
      },
      { signal },
    );
  }

  /**
   * Refuses a bucket that gives no versions, in which nothing stays what it was; what was written is removed again.
   *
   * @throws MlsignError `bucket-unversioned`
   */
  async insistOnVersion({ key, version }: ObjectVersion): Promise<void> {
    if (version !== NULL_VERSION) return;
    const isRemoved = await this.remove({ key, version }).then(
      () => true,
      () => false,
    );
    throw this.unversioned(isRemoved ? [] : [`remove what was left there: ${this.subject(key)}`]);
  }

  /** The refusal of a bucket without versions. */
  unversioned(more: readonly string[] = []): MlsignError {
    return refused('bucket-unversioned', 'the bucket keeps no versions: what is overwritten there is lost', {
      subject: this.url,
      expected: 'versioning enabled',
      got: 'an object without a version id',
      suggestions: [`aws s3api put-bucket-versioning --bucket ${this.name} --versioning-configuration Status=Enabled`, ...more],
    });
  }

  /** Does something with an object that was just written, and removes that where it fails. */
  async orRemove(object: ObjectVersion, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      await this.remove(object).catch(() => undefined);
      throw error;
    }
  }
}

/** A digest in the form that S3 writes it. */
export function hexToBase64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}

/** The version and tag that S3 gave. */
export function writtenOf({ VersionId, ETag }: { readonly VersionId?: unknown; readonly ETag?: unknown }): Written {
  return { version: versionOf(VersionId), tag: textOf(ETag) };
}

/** A version as S3 names it; without versioning there is but one, which is not kept. */
export function versionOf(value: unknown): VersionId {
  return textOf(value ?? NULL_VERSION) as VersionId;
}

/** Whether an answer is about the version that was asked for. */
export function isVersion(given: string | undefined, asked: VersionId): boolean {
  return given === asked || (given === undefined && asked === NULL_VERSION);
}

function currentOf(
  key: string,
  answer: { readonly VersionId?: unknown; readonly ETag?: unknown; readonly ContentLength?: number | undefined },
): CurrentObject {
  if (answer.ContentLength === undefined) throw new AnswerMalformed();
  return { key, ...writtenOf(answer), size: answer.ContentLength };
}

/** A refusal of HEAD, which has no words. */
function isSilent(error: unknown): boolean {
  if (isForbidden(error)) return true;
  if (!(error instanceof Error) || !('$metadata' in error)) return false;
  const metadata: { readonly httpStatusCode?: unknown } = error.$metadata ?? {};
  const { httpStatusCode: status } = metadata;
  return typeof status === 'number' && status >= 300 && status < 500 && status !== 408 && status !== 429;
}

function tooLarge(subject: string, maxBytes: number, size: number): MlsignError {
  return refused('object-too-large', 'the object is larger than mlsign reads', {
    subject,
    expected: `at most ${maxBytes} bytes`,
    got: `${size} bytes`,
  });
}
