import { restoreCommand, rollbackCommand } from '../release/index.ts';
import type { StoredModel } from './stored-model.ts';

/** What can be done about a release that is not what was pushed: restore it, or roll its channel back. */
export function remedyFor({ location, release, channel }: StoredModel): string {
  const restore = `restore it: ${restoreCommand(location, release?.record.number ?? 0)}`;
  if (channel?.previous === undefined) return restore;
  return `${restore} · or roll back: ${rollbackCommand(location, channel.pointer.channel, channel.previous)}`;
}
