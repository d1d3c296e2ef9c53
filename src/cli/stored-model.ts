import type { StoredModelOptions } from '../app/index.ts';
import { usage } from '../core/index.ts';
import type { Store } from '../store/index.ts';
import { archiveLimitsOf } from './archive-limits.ts';
import type { Session } from './base-command.ts';
import { type ChannelFlags, channelClientOf, type StoreFlags, storeOpener } from './store.ts';
import { evidenceOfFlags, loadPolicyOfFlags, type TrustFlags } from './trust.ts';

/** Flags of the commands that open a release. */
export interface StoredModelFlags extends TrustFlags, ChannelFlags, StoreFlags {
  readonly 'expect-model-id'?: string | undefined;
  readonly vsa?: readonly string[] | undefined;
  readonly 'archive-limit'?: readonly string[] | undefined;
}

/** Under what a release is opened, as flags say. */
export async function storedModelOptions(store: Store, flags: StoredModelFlags, session: Session): Promise<StoredModelOptions & Session> {
  return {
    store,
    policy: await loadPolicyOfFlags(flags, session.signal),
    ...(await evidenceOfFlags(flags)),
    ...channelClientOf(flags),
    openStore: storeOpener(flags),
    expectModelId: flags['expect-model-id'],
    summaries: flags.vsa,
    archiveLimits: archiveLimitsOf(flags['archive-limit']),
    ...session,
  };
}

/**
 * Refuses flags that mean nothing for what a command was given.
 *
 * @param kind what was given: `a model on disk`
 * @throws MlsignError `flag-without-use`
 */
export function refuseFlags(flags: Readonly<Record<string, unknown>>, names: readonly string[], kind: string): void {
  const given = names.filter((name) => flags[name] !== undefined && flags[name] !== false);
  if (given.length === 0) return;
  throw usage('flag-without-use', `these flags mean nothing for ${kind}: ${given.map((name) => `--${name}`).join(', ')}`, {
    suggestions: ['leave them out'],
  });
}
