import { type Verification, verifyModel, verifyRelease } from '../app/index.ts';
import { verdictLine, verificationDocument, verificationText } from '../report/index.ts';
import { isStoreLocation, parseLocation } from '../store/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { exitCodeOfVerdict } from './exit-codes.ts';
import { type EngineFlags, engineOptions } from './ports.ts';
import { channelClientOf, channelFlags, type StoreFlags, storeFlags, storeOpener, withStore } from './store.ts';
import { refuseFlags, type StoredModelFlags, storedModelOptions } from './stored-model.ts';
import { evidenceOfFlags, loadPolicyOfFlags } from './trust.ts';

/** Flags of `mlsign verify`. */
export interface VerifyFlags extends StoredModelFlags, StoreFlags, EngineFlags {
  readonly staging: boolean;
  readonly signature?: readonly string[] | undefined;
  readonly full: boolean;
  readonly attested: boolean;
}

/** Of no use on disk; region and profile are those of KMS as well. */
const OF_STORES = ['full', 'attested', ...Object.keys(channelFlags).filter((name) => name !== 'state')];
/** Of use on disk where a revocation list is asked for, which is remembered and may lie in a store. */
const OF_LISTS = ['state', ...Object.keys(storeFlags).filter((name) => !['region', 'profile'].includes(name))];
const OF_DISKS = ['signature', 'ignore-paths', 'ignore-unsigned-files', 'allow-symlinks'];

/** Verifies a model on disk or in a store as flags say, and tells of it. */
export async function verifyByFlags(model: string, flags: VerifyFlags, session: Session): Promise<CommandReport> {
  const verification = isStoreLocation(model) ? await verifyStored(model, flags, session) : await verifyOnDisk(model, flags, session);
  return {
    document: () => verificationDocument(verification),
    text: (style) => verificationText(verification, style),
    complaint: verification.verdict === 'verified' ? undefined : verdictLine(verification),
    exitCode: exitCodeOfVerdict(verification.verdict),
  };
}

async function verifyOnDisk(model: string, flags: VerifyFlags, session: Session): Promise<Verification> {
  refuseFlags({ ...flags }, OF_STORES, 'a model on disk');
  const policy = await loadPolicyOfFlags(flags, session.signal);
  const asksForLists = policy.rules.some(({ revocations }) => revocations.length > 0);
  if (!asksForLists) refuseFlags({ ...flags }, OF_LISTS, 'a model on disk');
  const evidence = await evidenceOfFlags(flags);
  const { state } = asksForLists ? channelClientOf(flags) : {};
  const openStore = storeOpener(flags);
  return verifyModel(model, { policy, ...evidence, state, openStore, signatures: flags.signature, ...engineOptions(flags), ...session });
}

async function verifyStored(model: string, flags: VerifyFlags, session: Session): Promise<Verification> {
  refuseFlags({ ...flags }, OF_DISKS, 'a release in a store');
  const location = parseLocation(model);
  const mode = flags.full ? 'full' : flags.attested ? 'attested' : 'auto';
  return withStore(location, flags, async (store) =>
    verifyRelease(location, { ...(await storedModelOptions(store, flags, session)), mode }),
  );
}
