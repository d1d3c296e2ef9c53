import { Flags } from '@oclif/core';
import {
  revocationTarget,
  type SearchOptions,
  type ShowLineageOptions,
  type ShownLineage,
  showDescendants,
  showLineage,
  showStoredLineage,
} from '../app/index.ts';
import { findingLine, lineageDocument, lineageDot, lineageMermaid, lineageText, worstFirst } from '../report/index.ts';
import { isStoreLocation, parseLocation, parseStorePlace } from '../store/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { EXIT, exitCodeOfVerdict } from './exit-codes.ts';
import { listingOfFlags } from './listing.ts';
import { type ChannelFlags, channelClientOf, type StoreFlags, storeOpener } from './store.ts';
import type { TrustFlags } from './trust.ts';

/** Where ancestors are looked for. */
export const searchFlag = Flags.string({
  summary: 'Directory, or place in a store, with models among which ancestors are looked for, by model id (repeatable).',
  helpValue: 'PLACE',
  multiple: true,
  multipleNonGreedy: true,
});

/** Where ancestors are looked for, as flags say. */
export function searchOptions(places: readonly string[] = []): Pick<SearchOptions, 'search' | 'searchStores'> {
  return {
    search: places.filter((place) => !isStoreLocation(place)),
    searchStores: places.filter(isStoreLocation).map(parseStorePlace),
  };
}

/** Flags of `mlsign lineage`. */
export interface LineageFlags extends TrustFlags, StoreFlags, ChannelFlags {
  readonly format: string;
  readonly depth?: number | undefined;
  readonly descendants?: readonly string[] | undefined;
  readonly search?: readonly string[] | undefined;
}

/** Shows the lineage of a model as flags say. */
export async function lineageByFlags(model: string, flags: LineageFlags, { signal }: Session): Promise<CommandReport> {
  const { policy, ...evidence } = await listingOfFlags(flags, signal);
  if (flags.descendants !== undefined) {
    const openStore = storeOpener(flags);
    const { value } = await revocationTarget(model, { openStore, signal });
    const shown = await showDescendants(model, value.slice('sha256:'.length), flags.descendants, { ...evidence, openStore, signal });
    return lineageReport(shown, flags.format);
  }
  const options: ShowLineageOptions = {
    ...evidence,
    policy,
    ...channelClientOf(flags),
    ...searchOptions(flags.search),
    maxDepth: flags.depth,
    openStore: storeOpener(flags),
    signal,
  };
  const shown = isStoreLocation(model)
    ? await showStoredLineage(parseLocation(model), { ...options, openStore: storeOpener(flags) })
    : await showLineage(model, options);
  return lineageReport(shown, flags.format);
}

/** A lineage in the form that was asked for. */
export function lineageReport(shown: ShownLineage, format: string): CommandReport {
  const { verdict, isVerified, lineage, model, findings } = shown;
  const [worst] = worstFirst(findings);
  const isGood = !isVerified || verdict === 'verified' || worst === undefined;
  const drawn = lineage && (format === 'dot' ? lineageDot(lineage) : format === 'mermaid' ? lineageMermaid(lineage) : undefined);
  return {
    document: () => lineageDocument(shown),
    text: (style) => drawn ?? lineageText(shown, style),
    complaint: isGood ? undefined : `${verdict}: ${model}: ${findingLine(worst)}`,
    // A drawing has no place for it.
    warnings: drawn === undefined || isVerified ? [] : ['nothing was verified: anyone could have written this'],
    exitCode: isVerified ? exitCodeOfVerdict(verdict) : EXIT.done,
  };
}
