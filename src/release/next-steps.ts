import { locationText, type StoreLocation } from '../store/index.ts';

const PLAIN_WORD = /^[A-Za-z0-9@%+=:,./_-]+$/;

/** A word as a POSIX shell takes it. */
export function shellWord(text: string): string {
  return PLAIN_WORD.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The command that lists the releases and channels of a model. */
export function releasesCommand({ url }: Pick<StoreLocation, 'url'>): string {
  return `mlsign releases ${shellWord(url)}`;
}

/** The command that makes a release's objects the current ones again. */
export function restoreCommand(location: Pick<StoreLocation, 'url'>, number: number): string {
  return `mlsign restore ${shellWord(locationText(location, { kind: 'release', number }))}`;
}

/** The command that also hides what lies among them and is not of the release. */
export function pruneCommand(location: Pick<StoreLocation, 'url'>, number: number): string {
  return `${restoreCommand(location, number)} --prune`;
}

/** The command that points a channel at an earlier release. */
export function rollbackCommand({ url }: Pick<StoreLocation, 'url'>, channel: string, to: number): string {
  return `mlsign rollback ${shellWord(url)} --channel ${channel} --to ${to}`;
}

/** The command that extends the life of a channel's pointer. */
export function renewCommand(location: Pick<StoreLocation, 'url'>, channel: string): string {
  return `mlsign renew ${shellWord(locationText(location, { kind: 'channel', name: channel }))}`;
}

/** The command that shows who pointed a channel at what. */
export function historyCommand(location: Pick<StoreLocation, 'url'>, channel: string): string {
  return `mlsign history ${shellWord(locationText(location, { kind: 'channel', name: channel }))}`;
}

/** The command that writes a channel's first pointer. */
export function initCommand({ url }: Pick<StoreLocation, 'url'>, channel: string): string {
  return `mlsign promote ${shellWord(url)}@RELEASE --channel ${channel} --init`;
}
