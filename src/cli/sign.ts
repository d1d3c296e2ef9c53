import { resolve } from 'node:path';
import { signManifest, signModel, signRelease } from '../app/index.ts';
import { usage } from '../core/index.ts';
import {
  signDocument,
  signEvent,
  signReleaseDocument,
  signReleaseEvent,
  signReleaseLine,
  signReleaseText,
  signText,
} from '../report/index.ts';
import { isStoreLocation, parseLocation } from '../store/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { exitCodeOfVerdict } from './exit-codes.ts';
import { givenManifestFlags, manifestFlags } from './flags.ts';
import { type EngineFlags, engineOptions, findingWarnings, type ManifestFlags, manifestOptions } from './ports.ts';
import { loadSigners, type SignerFlags, type SigningTeam } from './signers.ts';
import { channelFlags, type StoreFlags, storeFlags, withStore } from './store.ts';
import { refuseFlags, type StoredModelFlags, storedModelOptions } from './stored-model.ts';
import { trustFlagsBesideSigner } from './trust.ts';

/** Flags of `mlsign sign`. */
export interface SignFlags extends SignerFlags, StoredModelFlags, StoreFlags, EngineFlags, ManifestFlags {
  readonly quiet: boolean;
  readonly staging: boolean;
  readonly force: boolean;
  readonly 'allow-symlinks': boolean;
  readonly signature?: string | undefined;
  readonly like?: string | undefined;
  readonly whole: boolean;
  readonly manifest?: string | undefined;
}

/** What signing takes as well, and what is only for stores. */
const SHARED = ['region', 'profile', 'kms-endpoint-url', 'trust-config', 'staging'];
const OF_STORES = Object.keys({ ...trustFlagsBesideSigner, ...channelFlags, ...storeFlags }).filter((name) => !SHARED.includes(name));
const OF_DISKS = ['signature', 'force', 'whole', ...Object.keys({ ...manifestFlags, ...givenManifestFlags })];

/** Signs a model on disk, a manifest, or a release in a store as flags say, and tells of it. */
export async function signByFlags(model: string | undefined, flags: SignFlags, session: Session): Promise<CommandReport> {
  if ((model === undefined) === (flags.manifest === undefined)) {
    throw usage('model-or-manifest', 'give a model, or --manifest: one of them', { suggestions: ['mlsign sign MODEL --key KEY'] });
  }
  const team = await loadSigners(flags, session.signal);
  try {
    return model !== undefined && isStoreLocation(model)
      ? await signStored(model, team, flags, session)
      : await signOnDisk(model ?? '', team, flags, session);
  } finally {
    await team.close();
  }
}

async function signOnDisk(model: string, team: SigningTeam, flags: SignFlags, session: Session): Promise<CommandReport> {
  refuseFlags({ ...flags }, OF_STORES, 'a model on disk');
  const common = { ...team, force: flags.force, ...session };
  const { manifest, signature, like, whole } = flags;
  const result =
    manifest !== undefined && signature !== undefined
      ? await signManifest(manifest, { ...common, signature })
      : await signModel(model, { ...common, ...manifestOptions(flags), ...engineOptions(flags), signature, like, whole });
  return {
    document: () => signDocument(result),
    text: (style) => signText(result, style),
    warnings: findingWarnings(result.findings),
    event: signEvent(result, resolve(manifest ?? model)),
    exitCode: 0,
  };
}

async function signStored(model: string, team: SigningTeam, flags: SignFlags, session: Session): Promise<CommandReport> {
  refuseFlags({ ...flags }, OF_DISKS, 'a release in a store');
  const location = parseLocation(model);
  const result = await withStore(location, flags, async (store) =>
    signRelease(location, { ...team, ...(await storedModelOptions(store, flags, session)) }),
  );
  const isSigned = result.signatures.length > 0;
  return {
    document: () => signReleaseDocument(result),
    text: (style) => signReleaseText(result, style),
    complaint: isSigned ? undefined : signReleaseLine(result),
    warnings: isSigned ? findingWarnings(result.findings) : [],
    event: signReleaseEvent(result),
    exitCode: exitCodeOfVerdict(result.verdict),
  };
}
