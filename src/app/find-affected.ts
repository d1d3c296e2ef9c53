import { type Finding, type Verdict, verdictOf } from '../core/index.ts';
import { type Descendant, findDescendants, label, type Material, nodeId, type OpenStore, type WantedDigest } from '../lineage/index.ts';
import { rollbackCommand } from '../release/index.ts';
import { layoutOf, parseLocation, parseStorePlace, RECORDS, type Store } from '../store/index.ts';
import { pointerHistory } from './pointer-history.ts';
import { type ModelRecords, readDerivations } from './read-derivations.ts';
import type { ListingOptions, ReleaseRow, RowState } from './record-rows.ts';

/** How stores are searched. */
export interface FindAffectedOptions extends ListingOptions {
  readonly openStore: OpenStore;
}

/** One release that descends from what was asked for. */
export interface AffectedRelease {
  readonly number: number;
  readonly modelId: string;
  readonly state: RowState;
  /** In words, from the thing to the model. */
  readonly way: readonly string[];
  /** Whether every step of that way is said by somebody who is trusted; otherwise it is only claimed. */
  readonly isProven: boolean;
}

/** One channel that points to such a release. */
export interface AffectedChannel {
  readonly channel: string;
  readonly number: number;
  /** The newest release before that descends from nothing of it, and the command that goes back to it. */
  readonly rollback?: { readonly to: number; readonly command: string } | undefined;
}

/** One model of a store with releases that descend from what was asked for. */
export interface AffectedModel {
  readonly url: string;
  readonly name: string;
  /** The newest first. */
  readonly releases: readonly AffectedRelease[];
  readonly channels: readonly AffectedChannel[];
}

/** Everything in some stores that descends from one thing. */
export interface Affected {
  /** `undetermined` where something could not be read that may descend from it too. */
  readonly verdict: Verdict;
  readonly wanted: string;
  readonly isVerified: boolean;
  readonly searched: { readonly models: number; readonly releases: number };
  readonly models: readonly AffectedModel[];
  /** Releases of which nobody says what they were made from: whether they descend from it is not known. */
  readonly unstated: readonly { readonly url: string; readonly numbers: readonly number[] }[];
  readonly findings: readonly Finding[];
}

/** What is in some stores, and what of it descends from one thing. */
export interface SearchedStores {
  readonly models: readonly (ModelRecords & { readonly store: Store })[];
  readonly descendants: ReadonlyMap<string, Descendant>;
}

/**
 * Finds every release and channel that descends from something, in any model of some stores. What is only claimed counts
 * too: it is better to stop a model for nothing than to miss one.
 *
 * @param wanted `sha256:…`, `gitCommit:…`; a model by its id
 * @param places stores, prefixes, or models in them
 * @throws MlsignError `location-malformed`, and what the stores throw for a listing
 */
export async function findAffected(wanted: string, places: readonly string[], options: FindAffectedOptions): Promise<Affected> {
  return searchStores(wanted, places, options, async ({ models, descendants }) => {
    const affected: AffectedModel[] = [];
    for (const model of models) {
      const found = await affectedModel(model, descendants, models, wanted, options);
      if (found !== undefined) affected.push(found);
    }
    const findings = models.flatMap((model) => model.findings);
    return {
      verdict: verdictOf(findings),
      wanted,
      isVerified: options.policy !== undefined,
      searched: { models: models.length, releases: models.reduce((sum, { releases }) => sum + releases.length, 0) },
      models: affected,
      unstated: models.flatMap((model) => unstated(model, descendants)),
      findings,
    };
  });
}

/** Reads stores, finds what descends from something, and does some work before they are closed. */
export async function searchStores<T>(
  wanted: string,
  places: readonly string[],
  options: FindAffectedOptions,
  work: (searched: SearchedStores) => Promise<T>,
): Promise<T> {
  const stores: Store[] = [];
  try {
    const models: (ModelRecords & { readonly store: Store })[] = [];
    for (const text of places) {
      const { store, place, only } = await openPlace(text, options, stores);
      const read = await readDerivations(store, place, only, { ...options, withContents: !wanted.startsWith('gitCommit:') });
      models.push(
        ...read
          .filter(({ location }) => !models.some((known) => known.location.url === location.url))
          .map((model) => ({ ...model, store })),
      );
    }
    const derivations = models.flatMap((model) => model.derivations);
    return await work({ models, descendants: findDescendants(wantedDigest(wanted), derivations) });
  } finally {
    for (const store of stores) await store.close();
  }
}

async function openPlace(text: string, { openStore, signal }: FindAffectedOptions, stores: Store[]) {
  const trimmed = text.replace(/\/$/, '');
  if (/^(?:s3:\/\/[^/]+\/.|file:.)/.test(trimmed)) {
    const location = parseLocation(trimmed);
    const store = await openStore(location);
    stores.push(store);
    const records = await store.folders(`${layoutOf(location).model}${RECORDS}/`, signal);
    const place = { ...location, url: location.url.slice(0, -location.name.length - 1) };
    if (records.includes('releases')) return { store, place, only: location.name };
  }
  const place = parseStorePlace(text);
  const store = await openStore(place);
  stores.push(store);
  return { store, place, only: undefined };
}

function wantedDigest(text: string): WantedDigest {
  const at = text.indexOf(':');
  return at === -1 ? { value: text } : { algorithm: text.slice(0, at), value: text.slice(at + 1) };
}

async function affectedModel(
  { location, releases, channels, store }: SearchedStores['models'][number],
  descendants: ReadonlyMap<string, Descendant>,
  models: SearchedStores['models'],
  wanted: string,
  { signal }: FindAffectedOptions,
): Promise<AffectedModel | undefined> {
  const found = releases.flatMap((row): readonly AffectedRelease[] => {
    const descendant = row.modelId === undefined ? undefined : descendants.get(row.modelId);
    if (row.modelId === undefined || descendant === undefined) return [];
    const { number, modelId, state } = row;
    return [{ number, modelId, state, way: wayOf(descendant, descendants, models, wanted), isProven: descendant.isVerified }];
  });
  if (found.length === 0) return undefined;
  const numbers = new Set(found.map(({ number }) => number));
  const reached: AffectedChannel[] = [];
  for (const { channel } of channels) {
    const versions = await pointerHistory(store, location, channel, undefined, signal);
    const current = versions.find(({ entry, content }) => entry.isCurrent && content.kind === 'pointer')?.content;
    if (current?.kind !== 'pointer' || !numbers.has(current.pointer.release.number)) continue;
    const { number } = current.pointer.release;
    const before = versions.flatMap(({ content }) => (content.kind === 'pointer' ? [content.pointer.release.number] : []));
    const to = safeRelease(before, releases, numbers);
    reached.push({ channel, number, ...(to === undefined ? {} : { rollback: { to, command: rollbackCommand(location, channel, to) } }) });
  }
  return { url: location.url, name: location.name, releases: found, channels: reached };
}

/** The release that the channel pointed to last that does not descend from it; else the newest such. */
function safeRelease(before: readonly number[], releases: readonly ReleaseRow[], affected: ReadonlySet<number>): number | undefined {
  const isSafe = (number: number): boolean => {
    const row = releases.find((each) => each.number === number);
    return row?.modelId !== undefined && !affected.has(number) && ['verified', 'claimed'].includes(row.state);
  };
  return before.find(isSafe) ?? releases.map(({ number }) => number).find(isSafe);
}

function wayOf(
  descendant: Descendant,
  descendants: ReadonlyMap<string, Descendant>,
  models: SearchedStores['models'],
  wanted: string,
): readonly string[] {
  const names = new Map(models.flatMap(({ derivations }) => derivations.map(({ modelId, name }) => [modelId, name] as const)));
  const way: string[] = [];
  for (let at: Descendant | undefined = descendant; at !== undefined; at = at.via === undefined ? undefined : descendants.get(at.via)) {
    way.unshift(label({ id: at.modelId, name: names.get(at.modelId) }));
    const { material } = at;
    if (at.via === undefined && material !== undefined) way.unshift(label({ id: nodeId(material.digest), name: nameOf(material, names) }));
  }
  return way.length === 0 ? [wanted] : way;
}

/** As its store calls it: those who were made from it may name another release of the same bytes. */
function nameOf({ digests: { mlsignModel: id = '' }, name, uri }: Material, names: ReadonlyMap<string, string>): string | undefined {
  return names.get(id) ?? name ?? uri;
}

/** Releases of a model for which there is no provenance at all. */
function unstated({ location, releases, derivations }: ModelRecords, descendants: ReadonlyMap<string, Descendant>) {
  const stated = new Set(derivations.flatMap(({ modelId, materials }) => (materials.length > 0 ? [modelId] : [])));
  const numbers = releases.flatMap(({ number, modelId }) =>
    modelId === undefined || stated.has(modelId) || descendants.has(modelId) ? [] : [number],
  );
  return numbers.length === 0 ? [] : [{ url: location.url, numbers }];
}
