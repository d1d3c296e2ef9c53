import { locationText, type StoreLocation } from '../store/index.ts';

const PLAIN_WORD = /^[A-Za-z0-9@%+=:,./_-]+$/;

/** A word as a POSIX shell takes it. */
export function shellWord(text: string): string {
  return PLAIN_WORD.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The command that makes a release's objects the current ones again. */
export function restoreCommand(location: StoreLocation, number: number): string {
  return `mlsign restore ${shellWord(locationText(location, { kind: 'release', number }))}`;
}

/** The command that points a channel at an earlier release. */
export function rollbackCommand({ url }: StoreLocation, channel: string, to: number): string {
  return `mlsign rollback ${shellWord(url)} --channel ${channel} --to ${to}`;
}
