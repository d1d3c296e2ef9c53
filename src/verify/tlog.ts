import type { JsonObject } from '../core/index.ts';
import { isWithin, type TransparencyLog } from '../formats/index.ts';
import { EvidenceError, keyDigest, type LogRecord, type ProvenTime } from './evidence.ts';
import { checkBody, type SignatureSubject } from './tlog-body.ts';
import { parseLogEntry } from './tlog-entry.ts';
import { checkInclusion, isPromiseValid } from './tlog-proof.ts';

/** What one entry proves. */
export interface VerifiedEntry {
  /** Undefined where the log has only promised to hold the entry, without a proof. */
  readonly record: LogRecord | undefined;
  /** The time at which the log took the entry, where its promise covers it. */
  readonly time: ProvenTime | undefined;
}

/**
 * Verifies one entry of a transparency log: it is about this signature, key and digest, and a trusted log holds it by an
 * inclusion proof to a signed checkpoint (Rekor v1 and v2), or has promised to (v1). A proof or promise that is there must hold.
 *
 * @param times when the signature is known to have existed: a log's key counts within its validity
 * @throws EvidenceError with a code of its own for each reason; MlsignError for what cannot be read
 */
export function verifyLogEntry(
  value: JsonObject,
  subject: SignatureSubject,
  logs: readonly TransparencyLog[],
  times: readonly Date[],
): VerifiedEntry {
  const entry = parseLogEntry(value);
  checkBody(entry, subject);
  const named = logs.filter(({ logId }) => Buffer.compare(logId, entry.logId) === 0);
  if (named.length === 0) {
    throw new EvidenceError('log-untrusted', `the log ${Buffer.from(entry.logId).toString('hex').slice(0, 16)} is not trusted`);
  }
  const promising = entry.promise === undefined ? undefined : named.find((log) => isPromiseValid(entry, log));
  if (entry.promise !== undefined && promising === undefined) {
    throw new EvidenceError('log-promise-invalid', 'the promise of the log does not verify');
  }
  const integrated = promising === undefined ? undefined : new Date((entry.integratedTime ?? 0) * 1000);
  const moments = integrated === undefined ? times : [integrated];
  const current = named.filter(({ validFor }) => moments.some((moment) => isWithin(validFor, moment)));
  const [log] = promising === undefined ? current : current.filter((candidate) => candidate === promising);
  if (log === undefined) throw new EvidenceError('log-key-expired', 'the log was not trusted at the time of the entry');
  const id = keyDigest(log.key);
  const time = integrated && { time: integrated, by: 'transparency-log' as const, authority: log.baseUrl, id };
  if (entry.proof === undefined && time !== undefined) return { record: undefined, time };
  checkInclusion(entry, log);
  return { record: { log: log.baseUrl, id, index: String(entry.logIndex) }, time };
}
