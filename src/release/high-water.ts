import {
  checkWritable,
  Decoder,
  fileError,
  type JsonLimits,
  MlsignError,
  makeDirectory,
  parseJson,
  readCapped,
  refused,
  unavailable,
  writeFileAtomic,
} from '../core/index.ts';
import { underLock } from '../store/index.ts';
import { SHA256 } from './decode-statement.ts';

/** The newest pointer that a client has seen of a channel. */
export interface Mark {
  readonly sequence: number;
  /** SHA-256 of the pointer's bytes, hex. */
  readonly digest: string;
}

type Marks = ReadonlyMap<string, Mark>;

const VERSION = 1;
const LIMITS: JsonLimits = { maxBytes: 16 * 1024 * 1024, maxDepth: 4, maxValues: 300_000 };

/**
 * What a client has seen of channels, in one JSON file: by the names of model and channel and not by URL, so that another
 * place with older pointers is no way back. It only ever rises, whatever number of processes use it.
 */
export class HighWaterMark {
  readonly path: string;

  /** @param path of the file; it and its directory are made when something is remembered */
  constructor(path: string) {
    this.path = path;
  }

  /**
   * What has been seen of a channel; undefined where nothing has.
   *
   * @throws MlsignError `state-invalid` where the file is not what this class writes: never taken for a new one
   */
  async read(name: string, channel: string): Promise<Mark | undefined> {
    return (await this.#load()).get(idOf(name, channel));
  }

  /** Whether anything can be remembered. */
  async isWritable(): Promise<boolean> {
    try {
      await this.#writing(() => makeDirectory(`${this.path}.lock`, 0o700));
      await checkWritable(this.path, 'channel state');
      return true;
    } catch (error) {
      if (error instanceof MlsignError && error.outcome === 'unavailable') return false;
      throw error;
    }
  }

  /**
   * Remembers a pointer that was verified. A lower one than what is remembered changes nothing.
   *
   * @throws MlsignError `channel-forked` where another pointer with this sequence was seen; as {@link HighWaterMark.read}
   */
  async advance(name: string, channel: string, { sequence, digest }: Mark, signal?: AbortSignal): Promise<void> {
    // It stays: whoever removed it might take it from another who waits.
    const lock = `${this.path}.lock`;
    await this.#writing(() => makeDirectory(lock, 0o700));
    const work = async (): Promise<void> => {
      const marks = new Map(await this.#load());
      const id = idOf(name, channel);
      const seen = marks.get(id);
      if (seen?.sequence === sequence && seen.digest !== digest) {
        throw refused('channel-forked', 'this client has seen another pointer with the same sequence', {
          subject: id,
          expected: seen.digest,
          got: digest,
          suggestions: ['find out who signed two: mlsign history'],
        });
      }
      if (seen !== undefined && seen.sequence >= sequence) return;
      marks.set(id, { sequence, digest });
      const document = { version: VERSION, channels: Object.fromEntries([...marks].sort(([a], [b]) => (a < b ? -1 : 1))) };
      const text = `${JSON.stringify(document, undefined, 2)}\n`;
      await writeFileAtomic(this.path, text, { what: 'channel state', overwrite: true, mode: 0o600 });
    };
    await this.#writing(() => underLock(lock, signal, work));
  }

  async #load(): Promise<Marks> {
    try {
      return decodeMarks(await readCapped(this.path, LIMITS.maxBytes, 'channel state'), this.path);
    } catch (error) {
      if (error instanceof MlsignError && error.code === 'file-not-found') return new Map();
      if (error instanceof MlsignError && error.outcome === 'refused') throw invalid(error, this.path);
      throw error;
    }
  }

  async #writing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fileError(error, 'write the channel state', this.path);
    }
  }
}

/** Neither name holds an `@`. */
function idOf(name: string, channel: string): string {
  return `${name}@${channel}`;
}

function decodeMarks(bytes: Uint8Array, where: string): Marks {
  const decoder = new Decoder();
  const top = decoder.object(parseJson(bytes, where, LIMITS), '');
  if (top.present && top.raw('version') !== VERSION) decoder.problem('version', `${VERSION}`, top.raw('version'));
  const channels = top.object('channels');
  top.done();
  const marks = channels.keys().map((id): [string, Mark] => {
    if (!/^[^@]+@[^@]+$/.test(id)) decoder.problem(channels.at(id), 'a model, "@" and a channel', id);
    const fields = channels.object(id);
    const mark = { sequence: fields.integer('sequence', 1), digest: fields.string('digest', SHA256, '64 lower-case hex digits') };
    fields.done();
    return [id, mark];
  });
  decoder.finish('state-invalid', 'channel state', where);
  return new Map(marks);
}

function invalid(error: MlsignError, path: string): MlsignError {
  return unavailable('state-invalid', `what this client has seen of channels cannot be read: ${error.message}`, {
    subject: path,
    expected: error.expected,
    got: error.got,
    suggestions: [
      'put the file back as it was; where it is lost, remove it and say with --min-sequence what the channel must be at least (mlsign history shows it)',
    ],
    cause: error,
  });
}
