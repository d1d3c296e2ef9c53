import { billOfMaterials, storedBillOfMaterials } from '../app/index.ts';
import { bomDocument, findingLine, jsonText, worstFirst } from '../report/index.ts';
import { isStoreLocation, parseLocation } from '../store/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { EXIT, exitCodeOfVerdict } from './exit-codes.ts';
import { searchOptions } from './lineage.ts';
import { listingOfFlags } from './listing.ts';
import { type ChannelFlags, channelClientOf, type StoreFlags, storeOpener } from './store.ts';
import type { TrustFlags } from './trust.ts';

/** Flags of `mlsign bom`. */
export interface BomFlags extends TrustFlags, StoreFlags, ChannelFlags {
  readonly search?: readonly string[] | undefined;
}

/** Makes a bill of materials as flags say. */
export async function bomByFlags(model: string, flags: BomFlags, version: string, { signal }: Session): Promise<CommandReport> {
  const openStore = storeOpener(flags);
  const options = {
    ...(await listingOfFlags(flags, signal)),
    ...channelClientOf(flags),
    ...searchOptions(flags.search),
    openStore,
    signal,
  };
  const bill = isStoreLocation(model) ? await storedBillOfMaterials(parseLocation(model), options) : await billOfMaterials(model, options);
  const { isVerified, verdict, findings } = bill.shown;
  const [worst] = worstFirst(findings);
  const isGood = !isVerified || verdict === 'verified' || worst === undefined;
  const document = bomDocument(bill, version);
  return {
    document: () => document,
    text: () => jsonText(document),
    brief: jsonText(document),
    complaint: isGood ? undefined : `${verdict}: ${model}: ${findingLine(worst)}`,
    warnings: isVerified
      ? isGood
        ? []
        : [`${verdict}: ${model}: ${findingLine(worst)}`]
      : ['nothing was verified: anyone could have written this; say whom to trust (--policy, --trust-key)'],
    exitCode: isVerified ? exitCodeOfVerdict(verdict) : EXIT.done,
  };
}
