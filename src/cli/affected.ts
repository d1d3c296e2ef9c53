import { findAffected, revocationTarget } from '../app/index.ts';
import { usage } from '../core/index.ts';
import { affectedDocument, affectedText } from '../report/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { exitCodeOfVerdict } from './exit-codes.ts';
import { listingOfFlags } from './listing.ts';
import { type StoreFlags, storeOpener } from './store.ts';
import type { TrustFlags } from './trust.ts';

/** Finds what descends from something as flags say. */
export async function affectedByFlags(
  target: string,
  stores: readonly string[],
  flags: TrustFlags & StoreFlags,
  { signal }: Session,
): Promise<CommandReport> {
  const openStore = storeOpener(flags);
  const { kind, value } = await revocationTarget(/^[0-9a-f]{64}$/.test(target) ? `sha256:${target}` : target, { openStore, signal });
  if (kind !== 'digest') {
    throw usage('target-unknown', 'models descend from models, datasets and code, and this is a signer', {
      subject: target,
      expected: 'sha256:…, a model, or a release in a store',
      suggestions: ['mlsign revoke takes a signer: its signatures count for nothing then'],
    });
  }
  const affected = await findAffected(value, stores, { ...(await listingOfFlags(flags, signal)), openStore });
  return {
    document: () => affectedDocument(affected),
    text: (style) => affectedText(affected, style),
    complaint: affected.verdict === 'verified' ? undefined : 'this list may not be complete: not everything could be read',
    exitCode: exitCodeOfVerdict(affected.verdict),
  };
}
