import { systemClock } from '../core/index.ts';
import { restoreCommand, rollbackCommand } from './next-steps.ts';
import { previousRelease } from './previous-release.ts';
import type { StoredModel, StoredModelOptions } from './stored-model.ts';

/** What can be done about a release that is not what was pushed: restore it, or roll its channel back. */
export async function remedyFor({ location, rule, release, channel }: StoredModel, options: StoredModelOptions): Promise<string> {
  const number = release?.record.number ?? 0;
  const restore = `restore it: ${restoreCommand(location, number)}`;
  if (channel === undefined) return restore;
  const name = channel.pointer.channel;
  const to = await previousRelease(location, name, number, rule, { ...options, now: (options.clock ?? systemClock)() });
  return to === undefined ? restore : `${restore} · or roll back: ${rollbackCommand(location, name, to)}`;
}
