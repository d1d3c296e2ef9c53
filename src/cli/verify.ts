import { bindBase, type Verification, type VerifyModelOptions, verifyModel, verifyRelease } from '../app/index.ts';
import { verdictLine, verificationDocument, verificationEvent, verificationText } from '../report/index.ts';
import { isStoreLocation, parseLocation } from '../store/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { exitCodeOfVerdict } from './exit-codes.ts';
import { searchOptions } from './lineage.ts';
import { type EngineFlags, engineOptions } from './ports.ts';
import { openReports, withSarif } from './reports.ts';
import { channelClientOf, channelFlags, type StoreFlags, storeFlags, storeOpener, withStore } from './store.ts';
import { refuseFlags, type StoredModelFlags, storedModelOptions } from './stored-model.ts';
import { type SummaryFlags, trustBesideSummary, withSummary } from './summary.ts';
import { evidenceOfFlags, loadPolicyOfFlags } from './trust.ts';

/** Flags that say how a model on disk is verified. */
export interface LocalFlags extends StoredModelFlags, StoreFlags, EngineFlags {
  readonly quiet: boolean;
  readonly staging: boolean;
  readonly signature?: readonly string[] | undefined;
  readonly search?: readonly string[] | undefined;
  readonly 'with-base'?: string | undefined;
  readonly vsa?: readonly string[] | undefined;
  readonly verifier?: string | undefined;
}

/** Flags of `mlsign verify`. */
export interface VerifyFlags extends LocalFlags, SummaryFlags {
  readonly report?: readonly string[] | undefined;
  readonly full: boolean;
  readonly attested: boolean;
}

/** Of no use on disk; region and profile are those of KMS as well. */
const OF_STORES = ['full', 'attested', ...Object.keys(channelFlags).filter((name) => name !== 'state')];
/** Of use on disk where a revocation list or ancestors are asked for, which may lie in a store. */
const OF_LISTS = ['state', ...Object.keys(storeFlags).filter((name) => !['region', 'profile'].includes(name))];
const OF_DISKS = ['signature', 'ignore-paths', 'ignore-unsigned-files', 'allow-symlinks'];

/** Verifies a model on disk or in a store as flags say, with the base that it is loaded with, and tells of it. */
export async function verifyByFlags(model: string, given: VerifyFlags, version: string, session: Session): Promise<CommandReport> {
  const reports = await openReports(model, given.report ?? [], true);
  const flags = trustBesideSummary(given, reports);
  const { 'with-base': base } = flags;
  const verify = () => (base === undefined ? verifyOne(model, flags, session) : verifyPair(model, base, flags, session));
  const verification = await withSarif(model, reports, version, () => withSummary(model, flags, reports, version, session, verify));
  return {
    document: () => verificationDocument(verification),
    text: (style) => verificationText(verification, style),
    complaint: verification.verdict === 'verified' ? undefined : verdictLine(verification),
    event: verificationEvent(verification),
    exitCode: exitCodeOfVerdict(verification.verdict),
  };
}

async function verifyPair(model: string, base: string, flags: VerifyFlags, session: Session): Promise<Verification> {
  // Which one model is accepted, and by whose signature, is said of the first.
  const ofBase = await verifyOne(
    base,
    { ...flags, signature: undefined, vsa: undefined, 'expect-model-id': undefined, 'with-base': undefined },
    session,
  );
  const place = isStoreLocation(base) ? parseLocation(base).url.replace(/\/[^/]*$/, '') : base;
  return bindBase(await verifyOne(model, { ...flags, search: [...(flags.search ?? []), place] }, session), ofBase);
}

function verifyOne(model: string, flags: VerifyFlags, session: Session): Promise<Verification> {
  return isStoreLocation(model) ? verifyStored(model, flags, session) : verifyOnDisk(model, flags, session);
}

/** Which summaries are looked at: none where one is to be made, or old ones would live on in new ones. */
function summariesOf({ vsa, verifier }: LocalFlags) {
  return verifier === undefined ? vsa : 'none';
}

/** How ancestors are looked for, and which summaries. */
function lineageOptions(flags: LocalFlags) {
  return {
    ...searchOptions(flags.search),
    summaries: summariesOf(flags),
    lineage: flags['with-base'] === undefined ? 'asked' : 'found',
  } as const;
}

async function verifyOnDisk(model: string, flags: VerifyFlags, session: Session): Promise<Verification> {
  return verifyModel(model, await localOptions(flags, session));
}

/** How a model on disk is verified, as flags say. */
export async function localOptions(flags: LocalFlags, session: Session): Promise<VerifyModelOptions> {
  refuseFlags({ ...flags }, OF_STORES, 'a model on disk');
  const policy = await loadPolicyOfFlags(flags, session.signal);
  const asksForLists = policy.rules.some(({ revocations }) => revocations.length > 0);
  const asksForOthers = asksForLists || flags['with-base'] !== undefined || policy.rules.some(({ lineage }) => lineage.size > 0);
  if (!asksForOthers) refuseFlags({ ...flags }, [...OF_LISTS, 'search'], 'a model on disk, where nothing asks for what it was made from');
  const evidence = await evidenceOfFlags(flags);
  const { state } = asksForLists ? channelClientOf(flags) : {};
  const openStore = storeOpener(flags);
  const { signature: signatures } = flags;
  return { policy, ...evidence, state, openStore, signatures, ...lineageOptions(flags), ...engineOptions(flags), ...session };
}

async function verifyStored(model: string, flags: VerifyFlags, session: Session): Promise<Verification> {
  refuseFlags({ ...flags }, OF_DISKS, 'a release in a store');
  const location = parseLocation(model);
  const mode = flags.full ? 'full' : flags.attested ? 'attested' : 'auto';
  return withStore(location, flags, async (store) =>
    verifyRelease(location, { ...(await storedModelOptions(store, flags, session)), ...lineageOptions(flags), mode }),
  );
}
