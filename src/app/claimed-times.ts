import type { JsonObject } from '../core/index.ts';
import type { Bundle } from '../formats/index.ts';
import { claimedGenerationTime } from '../verify/index.ts';

/** A time that a bundle claims for its signature; proven only where a trusted authority or log stands behind it. */
export interface ClaimedTime {
  readonly kind: 'timestamp' | 'transparency-log';
  /** Undefined where the token cannot be read. */
  readonly at: Date | undefined;
}

/** The times in a bundle's timestamps and log entries, as they stand. */
export async function claimedTimes({
  timestamps,
  tlogEntries,
}: Pick<Bundle, 'timestamps' | 'tlogEntries'>): Promise<readonly ClaimedTime[]> {
  const times: ClaimedTime[] = [];
  for (const token of timestamps) times.push({ kind: 'timestamp', at: await claimedGenerationTime(token) });
  for (const entry of tlogEntries) {
    const at = integratedTime(entry);
    if (at !== undefined) times.push({ kind: 'transparency-log', at });
  }
  return times;
}

/** Seconds since 1970, a string in the JSON of protobuf; absent or 0 where the log gives none. */
function integratedTime({ integratedTime: value }: JsonObject): Date | undefined {
  const seconds = typeof value === 'string' || typeof value === 'number' ? Number(value) : Number.NaN;
  return Number.isSafeInteger(seconds) && seconds > 0 && seconds < 8_640_000_000_000 ? new Date(seconds * 1000) : undefined;
}
