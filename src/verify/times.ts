import { type Check, isJsonObject, type JsonObject, MlsignError } from '../core/index.ts';
import type { Bundle, TrustedRoot } from '../formats/index.ts';
import { type IgnoredEvidence, type LogRecord, NO_PROOF, type Proof, type ProvenTime, reasonToIgnore } from './evidence.ts';
import { type TimestampTrust, trustInAuthority, trustInRoots, verifyTimestamp } from './timestamp.ts';
import { verifyLogEntry } from './tlog.ts';
import type { SignatureSubject } from './tlog-body.ts';
import type { TrustedRootSource } from './trusted-root.ts';

/** Whom to believe about times and logs. */
export interface ProofTrust {
  /** Asked for when it is needed. */
  readonly trustedRoot?: (() => Promise<TrustedRootSource>) | undefined;
  /** Root certificates of timestamp authorities, DER. */
  readonly timestampRoots: readonly Uint8Array[];
  readonly now: Date;
}

/**
 * What a bundle's timestamps and log entries prove about its signature: RFC 3161 timestamps by trusted authorities, and
 * entries in trusted logs. Whatever does not verify is ignored, with the reason, and proves nothing.
 *
 * @param subject the signature, its key and the signer's certificate
 * @param where names the bundle
 */
export async function provenTimes(
  { timestamps, tlogEntries }: Pick<Bundle, 'timestamps' | 'tlogEntries'>,
  subject: SignatureSubject,
  trust: ProofTrust,
  where: string,
): Promise<Proof> {
  if (timestamps.length + tlogEntries.length === 0) return NO_PROOF;
  const checks: Check[] = [];
  const root = await loadRoot(trust);
  if (root.source !== undefined) checks.push({ name: 'trusted-root', status: 'passed', detail: root.source.description });
  const authorities = timestampTrust(trust, root.source?.root);
  const ignored: IgnoredEvidence[] = [];
  const skip = (name: string, entry: IgnoredEvidence) => {
    ignored.push(entry);
    checks.push({ name, status: 'skipped', detail: `${where}: ignored: ${entry.reason}` });
  };
  const times: ProvenTime[] = [];
  for (const token of timestamps) {
    try {
      const time = await verifyTimestamp(token, subject.envelope.signature, authorities);
      times.push(time);
      checks.push({ name: 'timestamp', status: 'passed', detail: `${where}: ${time.time.toISOString()}, says ${time.authority}` });
    } catch (error) {
      skip('timestamp', reasonToIgnore('timestamp', error));
    }
  }
  const logs: LogRecord[] = [];
  // A log that gives no time of its own is judged at the times that others have given.
  const moments = times.length > 0 ? times.map(({ time }) => time) : [trust.now];
  for (const entry of tlogEntries) {
    try {
      const { record, time } = verifyLogEntry(entry, subject, root.source?.root.tlogs ?? [], moments);
      if (record !== undefined) logs.push(record);
      else ignored.push({ kind: 'log-entry', code: 'log-proof-missing', reason: 'the log entry has no inclusion proof' });
      if (time !== undefined) times.push(time);
      checks.push({ name: 'transparency-log', status: 'passed', detail: `${where}: ${describeEntry(record, time, entry)}` });
    } catch (error) {
      skip('transparency-log', reasonToIgnore('log-entry', error));
    }
  }
  return { times, logs, ignored, unavailable: root.error, checks };
}

async function loadRoot({ trustedRoot }: ProofTrust): Promise<{ source?: TrustedRootSource; error?: MlsignError }> {
  if (trustedRoot === undefined) return {};
  try {
    return { source: await trustedRoot() };
  } catch (error) {
    // What is proven without it still counts.
    if (error instanceof MlsignError && error.outcome === 'unavailable') return { error };
    throw error;
  }
}

function timestampTrust({ timestampRoots }: ProofTrust, root: TrustedRoot | undefined): readonly TimestampTrust[] {
  return [
    ...(timestampRoots.length === 0 ? [] : [trustInRoots(timestampRoots)]),
    ...(root?.timestampAuthorities ?? []).map(trustInAuthority),
  ];
}

function describeEntry(record: LogRecord | undefined, time: ProvenTime | undefined, entry: JsonObject): string {
  const at = time === undefined ? '' : ` at ${time.time.toISOString()}`;
  if (record === undefined) return `${time?.authority} promised${at} to hold it, and proves nothing more`;
  const unpromised = time === undefined && isJsonObject(entry) && Number(entry.integratedTime ?? 0) > 0;
  return `entry ${record.index} of ${record.log}${at}${unpromised ? '; its time is without a promise, and not believed' : ''}`;
}
