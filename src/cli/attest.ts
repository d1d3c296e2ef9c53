import { type AttestationContent, type AttestedModel, attestModel, attestRelease } from '../app/index.ts';
import { attestDocument, attestEvent, attestLine, attestText } from '../report/index.ts';
import { isStoreLocation, parseLocation, type Store, type StoreLocation } from '../store/index.ts';
import type { AttestFlags, AttestingFlags } from './attest-flags.ts';
import type { CommandReport, Session } from './base-command.ts';
import { exitCodeOfVerdict } from './exit-codes.ts';
import { engineOptions, findingWarnings } from './ports.ts';
import { contentOfFlags } from './provenance.ts';
import { loadSigners } from './signers.ts';
import { channelFlags, withStore } from './store.ts';
import { refuseFlags, storedModelOptions } from './stored-model.ts';
import { trustFlagsBesideSigner } from './trust.ts';

/** What signing takes as well, and what is only for a model in a store. */
const SHARED = ['region', 'profile', 'kms-endpoint-url', 'trust-config', 'staging'];
const OF_STORES = Object.keys({ ...trustFlagsBesideSigner, ...channelFlags }).filter((name) => !SHARED.includes(name));
const OF_DISKS = ['signature', 'allow-symlinks'];

/** Attests a model on disk or a release in a store as flags say, and tells of it. */
export async function attestByFlags(model: string, flags: AttestFlags, session: Session): Promise<CommandReport> {
  return attestContent(
    model,
    () => contentOfFlags(flags),
    flags,
    session,
    (attested) => ({
      document: () => attestDocument(attested),
      text: (style) => attestText(attested, style),
      complaint: attested.attestations.length > 0 ? undefined : attestLine(attested),
      event: attestEvent(attested),
    }),
  );
}

/** Signs a statement about a model on disk or a release in a store. */
export async function attestContent(
  model: string,
  contentOf: () => Promise<AttestationContent>,
  flags: AttestingFlags,
  session: Session,
  report: (attested: AttestedModel) => Pick<CommandReport, 'document' | 'text' | 'complaint' | 'event'>,
): Promise<CommandReport> {
  const isStored = isStoreLocation(model);
  refuseFlags({ ...flags }, isStored ? OF_DISKS : OF_STORES, isStored ? 'a release in a store' : 'a model on disk');
  const content = await contentOf();
  const team = await loadSigners(flags, session.signal);
  try {
    const common = {
      ...team,
      ...engineOptions(flags),
      ...session,
      content,
      allowSymlinks: flags['allow-symlinks'],
      withStore: <T>(location: StoreLocation, work: (store: Store) => Promise<T>) => withStore(location, flags, work),
    };
    const location = isStored ? parseLocation(model) : undefined;
    const attested =
      location === undefined
        ? await attestModel(model, { ...common, signature: flags.signature })
        : await withStore(location, flags, async (store) =>
            attestRelease(location, { ...common, ...(await storedModelOptions(store, flags, session)) }),
          );
    const told = report(attested);
    return {
      ...told,
      warnings: told.complaint === undefined ? findingWarnings(attested.findings) : [],
      exitCode: exitCodeOfVerdict(attested.verdict ?? 'verified'),
    };
  } finally {
    await team.close();
  }
}
