import { verify } from 'node:crypto';
import { type Checkpoint, merkleLeaf, merkleRoot, parseCheckpoint, type TransparencyLog } from '../formats/index.ts';
import { EvidenceError, keyDigest } from './evidence.ts';
import type { LogEntry } from './tlog-entry.ts';

const CURVE_DIGESTS: Readonly<Record<string, 'sha384' | 'sha512'>> = { secp384r1: 'sha384', secp521r1: 'sha512' };

/**
 * Proves that a log holds an entry: the tree's checkpoint is signed by the log, and the entry's leaf leads to its root
 * (C2SP tlog-checkpoint and signed-note, RFC 9162 §2.1.3.2).
 *
 * @throws EvidenceError `log-proof-missing`, `log-checkpoint-invalid`, `log-proof-invalid`
 */
export function checkInclusion({ proof, body }: LogEntry, log: TransparencyLog): void {
  if (proof === undefined) throw new EvidenceError('log-proof-missing', 'the log entry has no inclusion proof');
  const checkpoint = parseCheckpoint(proof.checkpoint);
  if (checkpoint === undefined) throw new EvidenceError('log-checkpoint-invalid', 'the checkpoint of the log is malformed');
  if (!isCheckpointOf(checkpoint, log)) {
    throw new EvidenceError('log-checkpoint-invalid', 'the checkpoint is not signed by the log');
  }
  if (checkpoint.size !== proof.size || Buffer.compare(checkpoint.root, proof.rootHash) !== 0) {
    throw new EvidenceError('log-proof-invalid', 'the inclusion proof is for another tree than its checkpoint');
  }
  const root = merkleRoot(merkleLeaf(body), proof);
  if (root === undefined || Buffer.compare(root, checkpoint.root) !== 0) {
    throw new EvidenceError('log-proof-invalid', 'the inclusion proof does not lead from the entry to the tree of the log');
  }
}

/** Whether the log signed the entry, its number and its time: Rekor v1's signed entry timestamp, over RFC 8785 JSON. */
export function isPromiseValid({ body, integratedTime, logIndex, logId, promise }: LogEntry, log: TransparencyLog): boolean {
  if (promise === undefined || integratedTime === undefined) return false;
  const encoded = Buffer.from(body).toString('base64');
  const id = Buffer.from(logId).toString('hex');
  const signed = `{"body":"${encoded}","integratedTime":${integratedTime},"logID":"${id}","logIndex":${logIndex}}`;
  return isSignedByLog(signed, promise, log);
}

function isCheckpointOf({ origin, note, signatures }: Checkpoint, log: TransparencyLog): boolean {
  const keyId = (log.checkpointKeyId ?? log.logId).subarray(0, 4);
  return signatures.some(
    ({ name, keyHint, signature }) =>
      Buffer.compare(keyHint, keyId) === 0 && isOrigin(origin, name, log) && isSignedByLog(note, signature, log),
  );
}

/**
 * A log's key may sign the trees of several logs. Rekor v2 tells them apart by their origin, which is the host in the
 * trusted root, without its port; the name of Rekor v1, whose id is that of its key alone, is followed by the number of a
 * tree, and all of its trees are one log.
 */
function isOrigin(origin: string, name: string, { baseUrl, logId, key }: TransparencyLog): boolean {
  if (keyDigest(key) === Buffer.from(logId).toString('hex')) {
    return origin === name || (origin.startsWith(`${name} - `) && /^\d+$/.test(origin.slice(name.length + 3)));
  }
  return origin === name && URL.canParse(baseUrl) && name === new URL(baseUrl).hostname;
}

function isSignedByLog(text: string, signature: Uint8Array, { key }: TransparencyLog): boolean {
  const { namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const digest = key.asymmetricKeyType === 'ed25519' ? null : (CURVE_DIGESTS[namedCurve] ?? 'sha256');
  return verify(digest, Buffer.from(text), key, signature);
}
