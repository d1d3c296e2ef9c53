import { unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Decoder, MlsignError, makeDirectory, parseJson, readCapped, systemErrorCode, writeFileAtomic } from '../core/index.ts';

/** An upload in parts that this client began. */
export interface OwnUpload {
  /** The object: `s3://bucket/key`. */
  readonly object: string;
  /** Where the store is. */
  readonly endpoint: string;
  readonly size: number;
  readonly partSize: number;
  /** How the object is to be stored, as text that only has to be equal. */
  readonly attributes: string;
  /** The store's own name for the upload. */
  readonly id: string;
}

const MAX_BYTES = 16 * 1024 * 1024;
const VERSION = 1;

/** The file in which this client remembers the uploads that it began. Without one nothing is remembered. */
export class ResumeFile {
  readonly #path: string | undefined;
  #uploads: OwnUpload[] = [];
  /** Writes, one after the other. */
  #written: Promise<void> = Promise.resolve();

  private constructor(path: string | undefined, uploads: readonly OwnUpload[]) {
    this.#path = path;
    this.#uploads = [...uploads];
  }

  /**
   * @throws MlsignError `resume-file-malformed`, and what `fileError` gives
   */
  static async open(path: string | undefined): Promise<ResumeFile> {
    return new ResumeFile(path, path === undefined ? [] : await readUploads(path));
  }

  /** Whether anything is remembered at all. */
  get remembers(): boolean {
    return this.#path !== undefined;
  }

  /** The upload of this client for an object that has just these properties. */
  find(wanted: Omit<OwnUpload, 'id'>): string | undefined {
    const { object, endpoint, size, partSize, attributes } = wanted;
    return this.#uploads.find(
      (own) =>
        own.object === object &&
        own.endpoint === endpoint &&
        own.size === size &&
        own.partSize === partSize &&
        own.attributes === attributes,
    )?.id;
  }

  /** Remembers an upload, before any part of it is sent. */
  async add(upload: OwnUpload): Promise<void> {
    this.#uploads.push(upload);
    await this.#write();
  }

  /** Forgets an upload that was ended or aborted. */
  async forget(id: string): Promise<void> {
    this.#uploads = this.#uploads.filter((own) => own.id !== id);
    await this.#write();
  }

  #write(): Promise<void> {
    const path = this.#path;
    if (path === undefined) return Promise.resolve();
    this.#written = this.#written
      .catch(() => undefined)
      .then(async () => {
        if (this.#uploads.length === 0) {
          await unlink(path).catch((error: unknown) => {
            if (systemErrorCode(error) !== 'ENOENT') throw error;
          });
          return;
        }
        await makeDirectory(dirname(path), 0o700);
        const text = `${JSON.stringify({ version: VERSION, uploads: this.#uploads }, undefined, 2)}\n`;
        await writeFileAtomic(path, text, { what: 'list of unfinished uploads', overwrite: true, mode: 0o600 });
      });
    return this.#written;
  }
}

async function readUploads(path: string): Promise<readonly OwnUpload[]> {
  let bytes: Uint8Array;
  try {
    bytes = await readCapped(path, MAX_BYTES, 'list of unfinished uploads');
  } catch (error) {
    if (error instanceof MlsignError && error.code === 'file-not-found') return [];
    throw error;
  }
  const decoder = new Decoder();
  const root = decoder.object(parseJson(bytes, path), '');
  root.integer('version', VERSION, VERSION);
  const uploads = root.array('uploads').map((value, i): OwnUpload => {
    const fields = decoder.object(value, `uploads[${i}]`);
    const upload = {
      object: fields.string('object', /^s3:\/\//, 'an object of a bucket'),
      endpoint: fields.string('endpoint'),
      size: fields.integer('size', 0),
      partSize: fields.integer('partSize', 1),
      attributes: fields.string('attributes'),
      id: fields.string('id'),
    };
    fields.done();
    return upload;
  });
  root.done();
  decoder.finish('resume-file-malformed', 'list of unfinished uploads', path);
  return uploads;
}
