import { attestModel, attestRelease } from '../app/index.ts';
import { attestDocument, attestEvent, attestLine, attestText } from '../report/index.ts';
import { isStoreLocation, parseLocation, type Store, type StoreLocation } from '../store/index.ts';
import type { AttestFlags } from './attest-flags.ts';
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
  const isStored = isStoreLocation(model);
  refuseFlags({ ...flags }, isStored ? OF_DISKS : OF_STORES, isStored ? 'a release in a store' : 'a model on disk');
  const content = await contentOfFlags(flags);
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
    const isDone = attested.attestations.length > 0;
    return {
      document: () => attestDocument(attested),
      text: (style) => attestText(attested, style),
      complaint: isDone ? undefined : attestLine(attested),
      warnings: isDone ? findingWarnings(attested.findings) : [],
      event: attestEvent(attested),
      exitCode: exitCodeOfVerdict(attested.verdict ?? 'verified'),
    };
  } finally {
    await team.close();
  }
}
