import { type Clock, type Finding, systemClock, unavailable, type Verdict, verdictOf } from '../core/index.ts';
import { type AbandonedUpload, type HistoryEntry, type Layout, layoutOf, type Store, type StoreLocation } from '../store/index.ts';
import { areSameRecords, type References, readReferences } from './garbage-references.ts';
import { type KeptItem, removeGarbage } from './remove-garbage.ts';

/**
 * What nothing refers to: files of a `model` that was never released, a `bundle` of such a model, an `upload` that was never
 * ended, an older `version` of a released file that no release pins, an `extra` file among those of a released model.
 */
export type GarbageKind = 'model' | 'bundle' | 'upload' | 'version' | 'extra';

export const GARBAGE_KINDS = ['model', 'bundle', 'upload', 'version', 'extra'] as const satisfies readonly GarbageKind[];

/** One thing that nothing refers to. */
export type GarbageItem =
  | { readonly kind: Exclude<GarbageKind, 'upload'>; readonly entry: HistoryEntry }
  | { readonly kind: 'upload'; readonly upload: AbandonedUpload };

/** How garbage is collected. */
export interface CollectGarbageOptions {
  readonly store: Store;
  /** What is looked for; everything unless given. */
  readonly kinds?: readonly GarbageKind[] | undefined;
  /** Milliseconds: what is younger may be a push that is under way. */
  readonly minAge?: number | undefined;
  /** Whether it is deleted; otherwise it is told of. */
  readonly delete?: boolean | undefined;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What nothing refers to, and what became of it. */
export interface GarbageCollection {
  /** `undetermined` where something could not be read or deleted. */
  readonly verdict: Verdict;
  readonly url: string;
  readonly isDeleting: boolean;
  readonly minAge: number;
  readonly items: readonly GarbageItem[];
  /** How many of the items are gone. */
  readonly deleted: number;
  /** Those that the store does not let go: retention, legal hold. */
  readonly kept: readonly KeptItem[];
  /** Unreferenced things that are too young. */
  readonly tooYoung: number;
  readonly findings: readonly Finding[];
}

/** A week. */
export const DEFAULT_MIN_AGE = 7 * 86_400_000;

/** Enough for one run; more is found by the next. */
const MOST_ITEMS = 200_000;

const MODEL_ID = /^[0-9a-f]{64}$/;
const BUNDLE = /^\.mlsign\/bundles\/([0-9a-f]{64})\/[0-9a-f]{64}\.(?:sig|att)$/;

/**
 * Finds, and deletes where told to, what no release record and no channel's history refers to. Records and pointers
 * themselves stay, and whatever they pin.
 *
 * @param location without a reference
 * @throws MlsignError `records-changed` where a release came meanwhile; what the store throws for a listing
 */
export async function collectGarbage(location: StoreLocation, options: CollectGarbageOptions): Promise<GarbageCollection> {
  const { store, kinds = GARBAGE_KINDS, minAge = DEFAULT_MIN_AGE, delete: isDeleting = false, clock = systemClock, signal } = options;
  const before = clock().getTime() - minAge;
  const references = await readReferences(store, location, signal);
  const found = new Garbage(references, before, new Set(kinds));
  const layout = layoutOf(location);
  for (const upload of await store.abandonedUploads(layout.model, signal)) found.upload(layout, upload);
  for await (const entry of store.history(layout.model, signal)) found.entry(layout, entry);
  const { items, tooYoung } = found.finish();
  const base = { url: location.url, isDeleting, minAge, items, tooYoung };
  const isSafe = verdictOf(references.findings) === 'verified';
  if (!isDeleting || !isSafe) {
    return { ...base, verdict: verdictOf(references.findings), deleted: 0, kept: [], findings: references.findings };
  }
  if (!(await areSameRecords(store, location, references, signal))) {
    throw unavailable('records-changed', 'a release was made meanwhile; nothing was deleted', {
      subject: location.url,
      suggestions: ['run the command again'],
    });
  }
  const { deleted, kept, findings } = await removeGarbage(store, items, signal);
  return { ...base, verdict: verdictOf(findings), deleted, kept, findings };
}

/** Sorts what a model's keys hold into what is referred to and what is not. Keys come in code point order: bundles before files. */
class Garbage {
  readonly #references: References;
  readonly #before: number;
  readonly #kinds: ReadonlySet<GarbageKind>;
  readonly #items: GarbageItem[] = [];
  /** Of model ids without a release: when they were last written to, and what there is of them. */
  readonly #unreleased = new Map<string, { newest: number; readonly items: GarbageItem[] }>();
  #tooYoung = 0;

  constructor(references: References, before: number, kinds: ReadonlySet<GarbageKind>) {
    this.#references = references;
    this.#before = before;
    this.#kinds = kinds;
  }

  upload(layout: Layout, upload: AbandonedUpload): void {
    const [id = ''] = upload.key.slice(layout.model.length).split('/');
    const item = { kind: 'upload', upload } as const;
    if (this.#isUnreleased(id)) this.#ofModel(id, upload.started, item);
    else this.#add(item, upload.started);
  }

  entry(layout: Layout, entry: HistoryEntry): void {
    const path = entry.key.slice(layout.model.length);
    const bundle = BUNDLE.exec(path);
    const id = bundle?.[1] ?? path.slice(0, path.indexOf('/'));
    if (!MODEL_ID.test(id) || this.#references.lost.has(id)) return;
    if (this.#isUnreleased(id)) this.#ofModel(id, entry.modified, { kind: bundle === null ? 'model' : 'bundle', entry });
    else this.#ofRelease(entry, bundle !== null);
  }

  finish(): { readonly items: readonly GarbageItem[]; readonly tooYoung: number } {
    for (const { newest, items } of this.#unreleased.values()) {
      // A push that goes on may leave old files as they are: one young thing stands for all.
      if (newest > this.#before) this.#tooYoung += items.length;
      else for (const item of items) this.#keep(item);
    }
    return { items: this.#items, tooYoung: this.#tooYoung };
  }

  #isUnreleased(id: string): boolean {
    return MODEL_ID.test(id) && !this.#references.models.has(id) && !this.#references.lost.has(id);
  }

  #ofModel(id: string, time: Date, item: GarbageItem): void {
    const model = this.#unreleased.get(id) ?? { newest: Number.NEGATIVE_INFINITY, items: [] };
    model.newest = Math.max(model.newest, time.getTime());
    if (model.items.length < MOST_ITEMS) model.items.push(item);
    this.#unreleased.set(id, model);
  }

  #ofRelease(entry: HistoryEntry, isBundle: boolean): void {
    const pinned = this.#references.pinned.get(entry.key);
    if (pinned?.has(entry.version)) return;
    // Signatures may be added later: one that was written over has no other copy.
    if (isBundle && pinned === undefined) return;
    // What plain readers get of a released file is for mlsign restore to change.
    if (entry.isCurrent && pinned !== undefined) return;
    this.#add({ kind: pinned === undefined ? 'extra' : 'version', entry }, entry.modified);
  }

  #add(item: GarbageItem, time: Date): void {
    if (time.getTime() > this.#before) this.#tooYoung++;
    else this.#keep(item);
  }

  #keep(item: GarbageItem): void {
    if (this.#kinds.has(item.kind) && this.#items.length < MOST_ITEMS) this.#items.push(item);
  }
}
