import { Flags } from '@oclif/core';
import { pushModel } from '../app/index.ts';
import { usage } from '../core/index.ts';
import { pushDocument, pushEvent, pushLine, pushText } from '../report/index.ts';
import type { StoreLocation } from '../store/index.ts';
import { type AttributeFlags, attributeFlags, attributesOf } from './attributes.ts';
import type { CommandReport, Session } from './base-command.ts';
import { eventFlags } from './event-log.ts';
import { exitCodeOfVerdict } from './exit-codes.ts';
import { engineFlags, signaturesFlag, signerFlags } from './flags.ts';
import { type EngineFlags, engineOptions, findingWarnings } from './ports.ts';
import { loadSigners, type SignerFlags } from './signers.ts';
import { sigstoreFlags } from './sigstore.ts';
import { channelClientOf, channelFlags, type StoreFlags, storeFlags, storeOpener, withStore } from './store.ts';
import { evidenceOfFlags, loadPolicyOfFlags, type TrustFlags, toleranceFlags, trustFlagsBesideSigner } from './trust.ts';
import { statePath } from './wiring.ts';

/** Who signs the release, whom the model's signatures take, and where it goes. */
export const pushFlags = {
  ...signerFlags,
  ...sigstoreFlags,
  ...trustFlagsBesideSigner,
  'trust-release': channelFlags['trust-release'],
  signature: signaturesFlag,
  'dry-run': Flags.boolean({ summary: 'Tell what would be done; nothing is sent.' }),
  ...toleranceFlags,
  ...attributeFlags,
  ...storeFlags,
  ...engineFlags,
  ...eventFlags,
};

/** Flags of `mlsign push`. */
export interface PushFlags extends SignerFlags, TrustFlags, AttributeFlags, StoreFlags, EngineFlags {
  readonly quiet: boolean;
  readonly staging: boolean;
  readonly signature?: readonly string[] | undefined;
  readonly 'dry-run': boolean;
}

/** Pushes a model as flags say, and tells of it. */
export async function pushByFlags(model: string, location: StoreLocation, flags: PushFlags, session: Session): Promise<CommandReport> {
  const team = await loadSigners(flags, session.signal);
  try {
    if ((team.further ?? []).length > 0) {
      throw usage('one-signer', 'a release has one signer: give one of --key, --kms and --sigstore, once', {
        suggestions: ['sign the model itself with the others first: mlsign sign'],
      });
    }
    const common = { policy: await loadPolicyOfFlags(flags, session.signal), ...(await evidenceOfFlags(flags)) };
    const { signer, witnesses } = team;
    const pushed = await withStore(location, flags, (store) =>
      pushModel(model, location, {
        store,
        signer,
        witnesses,
        ...common,
        ...channelClientOf({}),
        openStore: storeOpener(flags),
        signatures: flags.signature,
        attributes: attributesOf(flags),
        resumeDirectory: statePath('uploads'),
        dryRun: flags['dry-run'],
        ...engineOptions(flags),
        ...session,
      }),
    );
    const isRefused = pushed.outcome === 'refused';
    return {
      document: () => pushDocument(pushed),
      text: (style) => pushText(pushed, style),
      complaint: isRefused ? pushLine(pushed) : undefined,
      warnings: isRefused ? [] : findingWarnings(pushed.findings),
      event: pushEvent(pushed),
      exitCode: exitCodeOfVerdict(pushed.verdict),
    };
  } finally {
    await team.close();
  }
}
