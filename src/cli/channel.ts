import { Args, Flags } from '@oclif/core';
import type { ChannelMove, Lifetime, MoveChannelOptions } from '../app/index.ts';
import { usage } from '../core/index.ts';
import { channelMoveDocument, channelMoveEvent, channelMoveLine, channelMoveText } from '../report/index.ts';
import type { StoreLocation } from '../store/index.ts';
import type { CommandReport, Session } from './base-command.ts';
import { parseLifetime } from './duration.ts';
import { eventFlags } from './event-log.ts';
import { exitCodeOfVerdict } from './exit-codes.ts';
import { signerFlags } from './flags.ts';
import { findingWarnings } from './ports.ts';
import { loadSigners, type SignerFlags } from './signers.ts';
import { sigstoreFlags } from './sigstore.ts';
import { type ChannelFlags, channelClientOf, channelFlags, type StoreFlags, storeFlags, storeOpener, withStore } from './store.ts';
import { evidenceOfFlags, loadPolicyOfFlags, type TrustFlags, trustFlagsBesideSigner } from './trust.ts';

/** A place in a store, as an argument. */
export function locationArg(description: string) {
  return Args.string({ description, required: true });
}

/** When a pointer ends. */
export const expiresFlag = Flags.custom<Lifetime>({
  parse: async (text) => parseLifetime(text),
  summary: 'How long the pointer is good for: 30d, 12h, or a date.',
  helpValue: 'TIME',
});

/** The channel that is moved. */
export const channelFlag = Flags.string({ summary: 'The channel: production, staging …', helpValue: 'NAME', required: true });

/** Why, for those who read the history. */
export const reasonFlag = Flags.custom<string>({ summary: 'Why, for those who read the history.', helpValue: 'TEXT' });

/** Who moves a channel, whom that takes, and where it is. */
export const moveFlags = {
  ...signerFlags,
  ...sigstoreFlags,
  ...trustFlagsBesideSigner,
  ...storeFlags,
  state: channelFlags.state,
  'expect-model-id': channelFlags['expect-model-id'],
  'trust-release': channelFlags['trust-release'],
  ...eventFlags,
};

/** Flags of the commands that move a channel. */
export interface MoveFlags extends SignerFlags, TrustFlags, StoreFlags, ChannelFlags {
  readonly quiet: boolean;
  readonly staging: boolean;
  readonly 'expect-model-id'?: string | undefined;
}

/** Moves a channel as flags say, and tells of it. */
export async function moveByFlags(
  location: StoreLocation,
  flags: MoveFlags,
  { signal }: Session,
  move: (options: MoveChannelOptions) => Promise<ChannelMove>,
): Promise<CommandReport> {
  const team = await loadSigners(flags, signal);
  try {
    if ((team.further ?? []).length > 0) {
      throw usage('one-signer', 'a pointer has one signer: give one of --key, --kms and --sigstore, once');
    }
    const policy = await loadPolicyOfFlags(flags, signal);
    const evidence = await evidenceOfFlags(flags);
    const { signer, witnesses } = team;
    const { state } = channelClientOf(flags);
    const moved = await withStore(location, flags, (store) =>
      move({
        store,
        policy,
        signer,
        witnesses,
        state,
        openStore: storeOpener(flags),
        expectModelId: flags['expect-model-id'],
        ...evidence,
        signal,
      }),
    );
    return {
      document: () => channelMoveDocument(moved),
      text: (style) => channelMoveText(moved, style),
      complaint: moved.written === undefined ? channelMoveLine(moved) : undefined,
      warnings: moved.written === undefined ? [] : findingWarnings(moved.findings),
      event: channelMoveEvent(moved),
      exitCode: exitCodeOfVerdict(moved.verdict),
    };
  } finally {
    await team.close();
  }
}
