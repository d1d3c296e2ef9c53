import { type Clock, errorFinding, type Finding, MlsignError, sha256Hex, systemClock, verdictOf } from '../core/index.ts';
import { parseBundle } from '../formats/index.ts';
import type { Policy } from '../policy/index.ts';
import {
  type ChannelPointer,
  MAX_POINTER_BYTES,
  MAX_RECORD_BYTES,
  openChannel,
  openRelease,
  parseChannelPointer,
  parseReleaseRecord,
  type ReleaseRecord,
  type ReleaseTrust,
} from '../release/index.ts';
import { type HistoryEntry, layoutOf, type Store, type StoreLocation } from '../store/index.ts';
import { describeClaim } from './claimed-signer.ts';
import type { EvidenceOptions } from './open-signatures.ts';
import { releaseTrust, ruleAt } from './release-trust.ts';

/** How a record stands: `claimed` where nobody was to be trusted, and so nothing was verified. */
export type RowState = 'verified' | 'claimed' | 'rejected' | 'undetermined' | 'deleted' | 'unreadable';

/** What a listing says of one record or pointer. */
interface Row {
  readonly state: RowState;
  /** SHA-256 of its bytes, hex. */
  readonly digest?: string | undefined;
  /** In words: who signed it, or who it says did. */
  readonly signer?: string | undefined;
  readonly findings: readonly Finding[];
}

/** One release of a model. */
export interface ReleaseRow extends Row {
  readonly number: number;
  readonly modelId?: string | undefined;
  readonly files?: number | undefined;
  readonly bytes?: number | undefined;
  readonly created?: Date | undefined;
}

/** One channel of a model. */
export interface ChannelRow extends Row {
  readonly channel: string;
  readonly pointer?: ChannelPointer | undefined;
}

/** How records are listed. */
export interface ListingOptions extends EvidenceOptions {
  /** Under which records and pointers are verified; nothing is verified without it. */
  readonly policy?: Policy | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads records and pointers of one model, one at a time, whatever is wrong with them. */
export class RecordReader {
  readonly #store: Store;
  readonly #location: StoreLocation;
  readonly #now: Date;
  readonly #trust: ReleaseTrust | undefined;
  readonly #signal: AbortSignal | undefined;

  /** @throws MlsignError what {@link ruleAt} throws */
  constructor(store: Store, location: StoreLocation, { policy, clock = systemClock, signal, ...evidence }: ListingOptions) {
    this.#store = store;
    this.#location = location;
    this.#now = clock();
    this.#trust = policy && releaseTrust(ruleAt(policy, location), evidence, this.#now);
    this.#signal = signal;
  }

  /** @param entries versions of the release's record */
  async release(number: number, entries: readonly HistoryEntry[]): Promise<ReleaseRow> {
    const key = layoutOf(this.#location).release(number);
    if (this.#trust === undefined) {
      const { record, ...row } = await this.#claim(key, entries, MAX_RECORD_BYTES, parseReleaseRecord);
      return { number, ...row, ...(record && summary(record)) };
    }
    const { release, findings } = await openRelease(this.#store, this.#location, number, this.#trust, { signal: this.#signal });
    const verdict = verdictOf(findings);
    if (release === undefined) return { number, state: verdict === 'verified' ? 'undetermined' : verdict, findings };
    const { digest, record, statement } = release;
    return { number, state: verdict, digest, signer: statement.signer.description, findings, ...summary(record) };
  }

  /** @param entries versions of the channel's pointer */
  async channel(channel: string, entries: readonly HistoryEntry[]): Promise<ChannelRow> {
    const key = layoutOf(this.#location).channel(channel);
    if (this.#trust === undefined) {
      const { record: pointer, ...row } = await this.#claim(key, entries, MAX_POINTER_BYTES, parseChannelPointer);
      return { channel, ...row, pointer };
    }
    const client = { mayBeStateless: true, now: this.#now };
    const { channel: opened, findings } = await openChannel(this.#store, this.#location, channel, this.#trust, client, this.#signal);
    const verdict = verdictOf(findings);
    if (opened === undefined) return { channel, state: verdict === 'verified' ? 'undetermined' : verdict, findings };
    const { pointer, digest, statement } = opened;
    return { channel, state: verdict, digest, pointer, signer: statement.signer.description, findings };
  }

  /** What the current version says; where it is deleted, the last one that had something to say. */
  async #claim<T>(key: string, entries: readonly HistoryEntry[], maxBytes: number, parse: (payload: Uint8Array, where: string) => T) {
    const where = `${this.#store.url}/${key}`;
    const written = entries.filter(({ isDeleted }) => !isDeleted);
    const entry = written.find(({ isCurrent }) => isCurrent) ?? written[0];
    const isDeleted = entry?.isCurrent !== true;
    const findings: Finding[] = [];
    if (isDeleted)
      findings.push({ code: 'record-deleted', severity: 'warning', message: 'readers find nothing here: it was deleted', subject: where });
    if (entry === undefined) return { state: 'deleted' as const, findings };
    try {
      const bytes = await this.#store.read(entry, maxBytes, this.#signal);
      const { material, envelope } = parseBundle(bytes, where);
      const record = parse(envelope.payload, where);
      const state: RowState = isDeleted ? 'deleted' : 'claimed';
      return { state, record, digest: sha256Hex(bytes), signer: describeClaim(material, where), findings };
    } catch (error) {
      if (!(error instanceof MlsignError) || error.outcome === 'interrupted') throw error;
      return { state: 'unreadable' as const, findings: [...findings, errorFinding(error, where)] };
    }
  }
}

function summary({ modelId, objects, created }: ReleaseRecord): Pick<ReleaseRow, 'modelId' | 'files' | 'bytes' | 'created'> {
  return { modelId, files: objects.length, bytes: objects.reduce((sum, { size }) => sum + size, 0), created };
}
